import { anInteger, readParams } from '../channels/kernel/lists/query.ts';
import { refuse } from '../channels/kernel/reasons.ts';
import type { Principal } from '../channels/principals/authenticate.ts';
import { MAX_TOPICS, type TopicBoard } from '../server/endpoint/index.ts';
import { jsonAnswer, type Route } from '../server/http/index.ts';

const MAX_PREFIX_LENGTH = 256;
const aPrefix = (text: string) =>
  text.length <= MAX_PREFIX_LENGTH ? undefined : `must have at most ${MAX_PREFIX_LENGTH} characters`;

/** `GET /api/topics`: the busiest topics over all nodes. */
export const topicsRoute = (board: Pick<TopicBoard, 'busiest'>): Route<Principal> => ({
  method: 'GET',
  path: '/api/topics',
  async handle({ exchange, principal }) {
    if (principal.kind !== 'admin') return refuse('forbidden');
    const read = readParams(exchange, { prefix: aPrefix, limit: anInteger(1, MAX_TOPICS) });
    if (!read.ok) return read;
    const { prefix = '', limit = String(MAX_TOPICS) } = read.params;
    const { topics, missing } = await board.busiest(prefix);
    return jsonAnswer(200, {
      topics: topics.slice(0, Number(limit)).map(({ topic, members, eventsPerSecond, nodes }) => ({
        topic,
        members,
        events_per_second: eventsPerSecond,
        nodes,
      })),
      ...(missing.length > 0 && { missing_nodes: missing }),
    });
  },
});
