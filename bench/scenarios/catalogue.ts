import type { Scenario } from '../scenario.ts';
import { chunkScenarios } from './chunks.ts';
import { connectScenario } from './connect.ts';
import { conversationsScenario } from './conversations.ts';
import { discoverScenario } from './discover.ts';
import { echoScenarios } from './echo.ts';
import { fanOuts } from './fan_out.ts';
import { growthScenario } from './growth.ts';
import { inboxScenario } from './inbox.ts';
import { longPollScenario } from './long_poll.ts';
import { presenceScenarios } from './presence.ts';
import { registrationScenario } from './registration.ts';
import { resumeScenario } from './resume.ts';
import { sessionsScenario } from './sessions.ts';
import { transfersScenario } from './transfers.ts';
import { twoNodesScenario } from './two_nodes.ts';
import { viewersScenario } from './viewers.ts';

/** The scenarios of a whole run, in the order in which they run and are reported. */
export const catalogue: readonly Scenario[] = [
  connectScenario,
  ...fanOuts,
  ...echoScenarios,
  longPollScenario,
  ...presenceScenarios,
  twoNodesScenario,
  registrationScenario,
  discoverScenario,
  ...chunkScenarios,
  inboxScenario,
  transfersScenario,
  sessionsScenario,
  conversationsScenario,
  viewersScenario,
  resumeScenario,
];

/** Scenarios that are measured only where they are named. */
const apart: readonly Scenario[] = [growthScenario];
export const allScenarios: readonly Scenario[] = [...catalogue, ...apart];

/** @throws Error that names those that there are */
export function scenarioNamed(name: string): Scenario {
  const scenario = allScenarios.find((one) => one.name === name);
  if (scenario) return scenario;
  throw new Error(`There is no scenario "${name}". There are: ${allScenarios.map((one) => one.name).join(', ')}`);
}
