import Type from 'typebox';
import { iso } from '../../channels/kernel/iso.ts';

export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

export const PrioritySchema = Type.Union([
  Type.Literal('critical'),
  Type.Literal('high'),
  Type.Literal('normal'),
  Type.Literal('low'),
]);

export interface Metadata {
  readonly correlationId?: string | undefined;
  readonly priority?: Priority | undefined;
  readonly ttl?: number | undefined;
}

/** What an envelope holds beside its `id`, which is each socket's own (VISUALISATION.md, section 9.4). */
export interface Envelope extends Metadata {
  readonly type: string;
  readonly atMs: number;
  readonly payload: object;
}

/** Writes an envelope without its beginning: the one part that sockets do not share. */
export function envelopeTail(envelope: Envelope): string {
  return tailOf(envelope, JSON.stringify(envelope.payload));
}

/** As `envelopeTail`, with the JSON text of the payload. */
export function tailOf(
  { type, atMs, correlationId, priority, ttl }: Omit<Envelope, 'payload'>,
  payload: string,
): string {
  const metadata = { correlationId, ...(priority !== 'normal' && { priority }), ttl };
  const isPlain = correlationId === undefined && metadata.priority === undefined && ttl === undefined;
  const end = isPlain ? '}' : `,"metadata":${JSON.stringify(metadata)}}`;
  return `,"type":"${type}","timestamp":"${iso(atMs)}","payload":${payload}${end}`;
}

/** An envelope as a socket's `number`th. */
export const withNumber = (number: number, tail: string) => `{"id":"msg-${number}"${tail}`;

/** A message on a channel (section 9.6). */
export const onChannel = (channel: string, sequence: number, message: string) =>
  `{"channel":${JSON.stringify(channel)},"sequence":${sequence},"message":${message}}`;
