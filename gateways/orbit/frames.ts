import Type from 'typebox';
import { type LogEntry, MAX_CONTENT_BYTES } from '../../channels/session/entries.ts';
import type { LiveEvent } from '../../channels/session/feed.ts';
import { payloadCheck } from '../../server/index.ts';

/** A frame of a client: a message of the user, one that is refused, or (undefined) one that means nothing here. */
export type ReadFrame = { readonly content: string } | { readonly fault: string } | undefined;

const MAX_CONTENT_KIB = MAX_CONTENT_BYTES / 1_024;
/** Code points of a tool's result that are shown. */
const RESULT_LENGTH = 200;
export const INVALID_JSON = 'Invalid JSON format in message';
const THINKING = 'Processing your request...';
const DONE = 'Tool executed successfully';

/** Finds what no reader of the agent's could take: nesting too deep, text that is not Unicode. */
const checkJson = payloadCheck(Type.Object({}));

export function readFrame(text: string): ReadFrame {
  const frame = parsed(text);
  if (!frame) return { fault: INVALID_JSON };
  if (frame.type !== 'user_message') return undefined;
  const checked = checkJson(frame);
  if (!checked.ok) return { fault: `Invalid message: ${checked.message}` };
  const content = frame.content ?? (isObject(frame.data) ? frame.data.content : undefined) ?? undefined;
  const what = contentFault(content);
  return what === undefined ? { content: content as string } : { fault: `Invalid message: ${what}` };
}

function contentFault(content: unknown): string | undefined {
  if (content === undefined) return 'content is missing.';
  if (typeof content !== 'string') return 'content must be a string.';
  if (content === '') return 'content is empty.';
  if (Buffer.byteLength(content) > MAX_CONTENT_BYTES) return `content is larger than ${MAX_CONTENT_KIB} KiB.`;
  return undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The user message that a frame belongs to, or nothing. */
export type Execution = string | null | undefined;

function frame(type: string, execution: Execution, data: object): string {
  const timestamp = new Date().toISOString();
  return JSON.stringify({ type, timestamp, ...(execution != null && { execution_id: execution }), data });
}

export const agentStart = () => frame('agent_start', null, { message: 'Initializing ORBIT Agent...' });
export const agentReady = () => frame('agent_ready', null, { message: 'Agent initialized successfully' });
export const thinking = (execution: Execution, message = THINKING) => frame('agent_thinking', execution, { message });
export const errorFrame = (message: string, execution?: Execution) => frame('error', execution, { message });

/** The frame for an entry of the log, if it has one; undefined also for the end, which is told as an error. */
export function entryFrame(entry: LogEntry, { withSeq }: { readonly withSeq: boolean }): string | undefined {
  const seq = withSeq ? { seq: entry.seq } : {};
  if (entry.type === 'user_message') return frame('user_input', entry.execution_id, { message: entry.content, ...seq });
  if (entry.type !== 'agent_message') return undefined;
  const { execution_id: execution, content: message } = entry;
  return entry.final
    ? frame('agent_response', execution, { message, execution_completed: true, ...seq })
    : frame('agent_thinking', execution, { message, ...seq });
}

/** The frames for what an agent does beside the log. */
export function liveFrames(event: LiveEvent): string[] {
  const { type, execution_id: execution, tool_name } = event;
  switch (type) {
    case 'thinking':
      return [thinking(execution, event.message)];
    case 'tool_call': {
      const { description = `Executing ${tool_name}`, arguments: given = {} } = event;
      return [
        frame('tool_called', execution, { tool_name, description, arguments: given }),
        frame('tool_executing', execution, { tool_name, status: 'executing' }),
      ];
    }
    case 'tool_result': {
      const result = resultText(event.result);
      return [frame('tool_result', execution, { tool_name, status: 'completed', result })];
    }
  }
}

/** A tool's result as the dialect shows it: text, cut to its first 200 code points. */
export function resultText(result: unknown): string {
  if (result == null) return DONE;
  const text = typeof result === 'string' ? result : JSON.stringify(result);
  // A code point has at most two units, so that no more of a long text has to be looked at.
  const first = [...text.slice(0, 2 * RESULT_LENGTH + 2)];
  return first.length > RESULT_LENGTH ? `${first.slice(0, RESULT_LENGTH).join('')}...` : text;
}
