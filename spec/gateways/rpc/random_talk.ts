import type { Aerie } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { randomFrom } from '../../support/random.ts';
import { type Frame, makeTeam, newAgent, Rpc } from './people.ts';

/** Of the random walk. */
export const SEED = Number(process.env.ORDER_SEED ?? Math.floor(Math.random() * 2 ** 31));
const AGENTS = Number(process.env.ORDER_AGENTS ?? 12);
const STEPS = Number(process.env.ORDER_STEPS ?? 300);

/** A notification without what names its conversation. */
type Word = { readonly method: string; readonly about: string; readonly by?: string };

function wordOf({ method = '', params = {} }: Frame): Word {
  const { message, addedAgentId, removedAgentId } = params as {
    message?: { id: string; senderId: string; seq: string };
    addedAgentId?: string;
    removedAgentId?: string;
  };
  if (message) return { method, about: message.id, by: message.senderId };
  return { method, about: addedAgentId ?? removedAgentId ?? '' };
}

/** The part of the whole log that an agent may hear: from where it is added up to where it is removed, but its own words. */
function cutTo(agentId: string, whole: readonly Word[]): Word[] {
  let isIn = false;
  return whole.filter(({ method, about, by }) => {
    const isAbout = about === agentId;
    if (method.endsWith('participants-added') && isAbout) isIn = true;
    const hears = isIn && by !== agentId;
    if (method.endsWith('participants-removed') && isAbout) isIn = false;
    return hears;
  });
}

/** Talks at random, and compares what each socket heard with the log. @param strike happens in the middle */
export async function talk(here: Aerie, there: Aerie, strike?: () => Promise<void>): Promise<void> {
  const random = randomFrom(SEED);
  const pick = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)] as T;
  const team = await makeTeam(here);
  const agents = await Promise.all(Array.from({ length: AGENTS }, () => newAgent(here)));
  const apps = [await Rpc.as(here, team.app, 'app'), await Rpc.as(there, team.app, 'app')];
  for (const { id: agentId } of agents) {
    await apps[0]?.call('app/task/update', { taskId: team.taskId, action: 'add-participant', agentId });
  }
  // Always in it, and silent: it hears the whole log.
  const observer = await Rpc.as(here, team.client, 'agent');
  const made = await apps[0]?.call('app/conversation/create', {
    taskId: team.taskId,
    participants: [team.client.id],
  });
  const { id: conversationId } = (made as unknown as { result: { conversation: { id: string } } }).result.conversation;
  const about = { taskId: team.taskId, conversationId };
  let sockets = await Promise.all(
    agents.map(async (agent, at) => ({ agent, rpc: await Rpc.as(at % 2 ? here : there, agent, 'agent') })),
  );
  const under = new Set<Promise<unknown>>();
  for (let step = 0; step < STEPS; step++) {
    const { agent, rpc } = pick(sockets);
    const roll = random();
    const update = (action: string) =>
      pick(apps).call('app/conversation/update', {
        ...about,
        action,
        ...(action.endsWith('participant') && { agentId: agent.id }),
      });
    const doing =
      roll < 0.6
        ? rpc.call('agent/message/send', { ...about, parts: [{ type: 'text', text: `${step}` }] })
        : roll < 0.75
          ? update('add-participant')
          : roll < 0.85
            ? update('remove-participant')
            : update(roll < 0.87 ? 'archive' : 'unarchive');
    const done: Promise<void> = doing.then(
      () => void under.delete(done),
      () => void under.delete(done),
    );
    under.add(done);
    if (under.size > 16) await Promise.race(under);
    if (!strike || step !== Math.floor(STEPS / 2)) continue;
    await strike();
    // Whatever was under way there has no answer.
    apps.length = 1;
    sockets = sockets.filter(({ rpc: each }) => each.socket.ws.readyState === each.socket.ws.OPEN);
    under.clear();
  }
  await Promise.all(under);
  await apps[0]?.call('app/conversation/update', { ...about, action: 'unarchive' });
  for (const { agent } of sockets) {
    await apps[0]?.call('app/conversation/update', { ...about, action: 'remove-participant', agentId: agent.id });
  }
  const listed: { id: string }[] = [];
  for (let sinceSeq = '0', more = true; more; ) {
    const page = await observer.call('agent/message/list', { ...about, sinceSeq, limit: 200 });
    const { messages, hasMore } = page.result as { messages: { id: string; seq: string }[]; hasMore: boolean };
    listed.push(...messages);
    sinceSeq = messages.at(-1)?.seq ?? sinceSeq;
    more = hasMore;
  }
  await eventually(() => {
    const whole = observer.heard().slice(1).map(wordOf);
    expect(whole.filter(({ by }) => by !== undefined).map((word) => word.about)).toEqual(listed.map(({ id }) => id));
    for (const { agent, rpc } of sockets) expect(rpc.heard().map(wordOf)).toEqual(cutTo(agent.id, whole));
  });
  // Below one in thirty the walk was mute and shows nothing; the rest is the seed's luck with archives.
  expect(listed.length).toBeGreaterThan(STEPS / 30);
  await Promise.all([...apps, observer, ...sockets.map(({ rpc }) => rpc)].map(({ socket }) => socket.close()));
}
