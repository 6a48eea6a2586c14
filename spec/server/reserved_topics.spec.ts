import { readFileSync } from 'node:fs';
import * as aerie from '../../server/index.ts';
import { canaryChannel, isReserved, refuseReserved, reservedTopics } from '../../server/reserved_topics.ts';

const { busyTopicsFor, longPollRequests, longPollResponses, ...fixed } = reservedTopics;
const names = [
  ...Object.values(fixed),
  ...[busyTopicsFor, longPollRequests, longPollResponses].map((of) => of('a-node')),
  aerie.internalTopic('agent_changed'),
  aerie.internalTopic('presence:agents:discovery'),
];

it.each(names)('%j is reserved, and refused with what to do instead', (name) => {
  expect(isReserved(name)).toBe(true);
  expect(() => refuseReserved(name)).toThrow(/is reserved for the server's own messages: (to close|choose)/);
});

it('has the names that nodes of the version before use', () => {
  expect(names).toEqual([
    'disconnect',
    '\0lost',
    '\0nodes',
    '\0topics',
    '\0topics:a-node',
    'longpoll_requests:a-node',
    'longpoll_responses:a-node',
    '\0agent_changed',
    '\0presence:agents:discovery',
  ]);
  expect(canaryChannel('aerie:x:', 'n')).toBe('aerie:x:canary:n');
  expect(canaryChannel('aerie:x:', 'n', 3)).toBe('aerie:x:canary:{3}:n');
});

it('reserves no topic of the platform', () => {
  const protocol = readFileSync('docs/PROTOCOL.md', 'utf8');
  const headings = protocol.split('\n').filter((line) => line.startsWith('### 5.'));
  const topics = headings.flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, topic = '']) => topic));
  expect(topics.length).toBeGreaterThanOrEqual(8);
  expect(topics.filter(isReserved)).toEqual([]);
});

it.each(['phoenix', 'disconnected', 'disconnect:1', 'longpoll', 'a\0b', '*'])('%j is not reserved', (topic) => {
  expect(isReserved(topic)).toBe(false);
});

it.each(['disconnect', '\0*', 'longpoll_requests:*'])('a socket cannot have a channel for %j', (topic) => {
  const channel = aerie.channel({ topic, events: {}, join: () => aerie.accept({}), on: {} });
  expect(() => aerie.socket({ connect: () => aerie.connected({}), channels: [channel] })).toThrow('is reserved');
});
