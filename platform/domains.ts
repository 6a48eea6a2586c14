import { analyticsFeature } from '../channels/analytics/feature.ts';
import { controlFeature } from '../channels/control/feature.ts';
import { conversationFeature } from '../channels/conversation/feature.ts';
import { coordinationFeature } from '../channels/coordination/feature.ts';
import { creditsFeature } from '../channels/credits/feature.ts';
import { discoveryFeature } from '../channels/discovery/feature.ts';
import { flowsFeature } from '../channels/flows/feature.ts';
import { layoutFeature } from '../channels/layout/feature.ts';
import { messagesFeature } from '../channels/messages/feature.ts';
import { negotiationFeature } from '../channels/negotiation/feature.ts';
import { observationFeature } from '../channels/observation/feature.ts';
import { seesInPart } from '../channels/observation/sees_in_part.ts';
import { paymentFeature } from '../channels/payment/feature.ts';
import type { Domain } from '../channels/principals/domain.ts';
import { principalsFeature } from '../channels/principals/feature.ts';
import { Attendance } from '../channels/session/attendance.ts';
import { sessionFeature } from '../channels/session/feature.ts';
import { taskFeature } from '../channels/task/feature.ts';
import { orbitFeature } from '../gateways/orbit/feature.ts';
import { orchestratorFeature } from '../gateways/orchestrator/feature.ts';
import { rpcFeature } from '../gateways/rpc/feature.ts';
import { visualisationFeature } from '../gateways/visualisation/feature.ts';
import type { NodeContext } from './context.ts';

/** Makes the domains of a node. A new one is added by naming it in this list. */
export function openDomains(context: NodeContext): readonly Domain[] {
  const discovery = discoveryFeature(context);
  const flows = flowsFeature(context);
  const messages = messagesFeature(context);
  const conversations = conversationFeature(context);
  const withNotifications = { ...context, notifications: messages.notifications };
  const negotiation = negotiationFeature(withNotifications);
  const payment = paymentFeature(withNotifications);
  const credits = creditsFeature(context);
  const analytics = analyticsFeature(context);
  const attendance = new Attendance(context.nodes);
  const control = controlFeature({
    ...context,
    callbackHosts: context.config.callbackHosts,
    homesOf: (agentIds) => attendance.count('home', agentIds),
    multiAgentAlerts: analytics.multiAgentAlerts,
    isSeen: seesInPart({ flows: flows.flows, agents: context.principals.agents }),
  });
  const sessions = sessionFeature({
    ...withNotifications,
    findOnline: discovery.findOnline,
    credits: credits.credits,
    conversations,
    agentSide: control.agentSide,
  });
  const coordination = coordinationFeature(withNotifications);
  const { visualisation: settings, maxFrameBytes } = context.config;
  const layout = layoutFeature({
    ...context,
    flows: flows.flows,
    layout: { rateHz: settings.ratePerSecond, maxAgents: settings.maxLayoutAgents },
  });
  const observation = observationFeature({
    ...context,
    flows: flows.flows,
    layout: layout.layout,
    vitals: control.vitals,
    coordinations: coordination,
    coordinationEfficiency: analytics.coordinationEfficiency,
    multiAgentAlerts: analytics.multiAgentAlerts,
  });
  return [
    principalsFeature({ ...context, agentChanged: discovery.agentChanged }),
    discovery,
    flows,
    layout,
    messages,
    taskFeature({
      ...withNotifications,
      negotiations: negotiation.negotiations,
      openings: payment.openings,
      onTaskEnded: conversations.onTaskEnded,
    }),
    conversations,
    coordination,
    negotiation,
    payment,
    credits,
    sessions,
    orchestratorFeature({ ...context, ...sessions }),
    rpcFeature({ ...context, ...conversations }),
    orbitFeature({ ...context, ...sessions, orbit: context.config.orbit, tls: context.config.tls }),
    analytics,
    control,
    observation,
    visualisationFeature({
      ...context,
      observation: observation.observation,
      control: control.control,
      coordinations: coordination.coordinations,
      visualisation: { ...settings, maxFrameBytes },
    }),
  ];
}
