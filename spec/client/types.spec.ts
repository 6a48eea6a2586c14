import type {
  Agent,
  AgentProfile,
  Channel,
  ChannelState,
  CoSigned,
  NewMessage,
  Offer,
  Proposed,
  ProposedClose,
  SessionState,
  Task,
  TaskState,
} from 'aerie-client';
import type { Static } from 'typebox';
import type { pushes as discovery } from '../../channels/discovery/schema.ts';
import type { pushes as messages } from '../../channels/messages/schema.ts';
import type { pushes as negotiation } from '../../channels/negotiation/schema.ts';
import type { pushes as payment } from '../../channels/payment/schema.ts';
import type { agentPushes as session } from '../../channels/session/schema.ts';
import type { pushes as task } from '../../channels/task/schema.ts';

/** Compiles if what the server's schema says can be read as what the library says. */
type Shows<Wire extends Shown, Shown> = Wire;

/** The types of the library are those of the server's own schemas: `npm run typecheck` compiles this, or does not. */
type Proofs = [
  Shows<Static<typeof task.task_completed>['task'], TaskState>,
  Shows<Static<typeof discovery.agent_updated>['agent'], AgentProfile>,
  Shows<Static<typeof messages.new_message>, NewMessage>,
  Shows<Static<typeof negotiation.offer>, Offer>,
  Shows<Static<typeof payment.channel_opened>['channel'], ChannelState>,
  Shows<Static<typeof payment.propose_transfer>, Proposed>,
  Shows<Static<typeof payment.transfer_complete>, CoSigned>,
  Shows<Static<typeof payment.propose_close>, ProposedClose>,
  Shows<Static<typeof session.session_assigned>['session'], SessionState>,
];

/** Never called: each line under a directive must not compile. */
async function refused(agent: Agent, given: Task<'client'>, channel: Channel): Promise<void> {
  // @ts-expect-error an amount is text, never a float
  await channel.pay(0.05);
  // @ts-expect-error the client reads the output
  await given.output.write('x');
  // @ts-expect-error no such status
  agent.discover({ status: 'away' });
  // @ts-expect-error no such field
  await agent.createTask({ to: 'agent-1' });
  // @ts-expect-error milliseconds are a number
  await agent.openChannel({ with: 'agent-1', deposit: '1', challengePeriodMs: '1h' });
  // @ts-expect-error the server says challenge_period_ms
  void channel.state.challenge_period;
  // @ts-expect-error no such period
  await agent.metrics('2h');
}

it('is compiled', () => {
  const proofs: Proofs | undefined = undefined;
  expect([refused, proofs]).toEqual([expect.any(Function), undefined]);
});
