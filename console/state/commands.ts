import { signal } from '@preact/signals';
import { Viewer, type ViewerMessage } from '../wire/viewer.ts';
import { type Session, sessionEnded } from './session.ts';

export type Outcome =
  | { readonly kind: 'waiting' | 'accepted' }
  | { readonly kind: 'completed'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly message: string };

export interface Command {
  /** By which the server hands it over once, however often it is sent. */
  readonly id: string;
  readonly agentId: string;
  readonly command: string;
  readonly parameters: object;
  readonly timeoutMs: number;
  readonly outcome: Outcome;
}

type NewCommand = Omit<Command, 'id' | 'outcome'>;

const kept = new WeakMap<Session, Commands>();

/** Commands that this page has sent, with what came of each. After a break they are asked for again by their ids. */
export class Commands {
  readonly sent = signal<readonly Command[]>([]);
  readonly #credential: string;
  #viewer: Viewer | undefined;

  /** The commands of a session: they outlast the panel that sent them. */
  static of(session: Session): Commands {
    const known = kept.get(session) ?? new Commands(session);
    kept.set(session, known);
    return known;
  }

  private constructor({ credential }: Session) {
    this.#credential = credential;
  }

  /** Connects, so that the first command need not wait. */
  open(): void {
    this.#viewer ??= new Viewer('control', this.#credential, {
      state: ({ kind }) => {
        if (kind === 'signed_out') sessionEnded();
        if (kind === 'live') for (const command of this.sent.peek()) if (isOpen(command)) this.#push(command);
      },
      message: (message) => this.#hear(message),
    });
  }

  send(command: NewCommand): void {
    const sent: Command = { ...command, id: crypto.randomUUID(), outcome: { kind: 'waiting' } };
    this.sent.value = [sent, ...this.sent.peek()];
    this.open();
    this.#push(sent);
  }

  #push({ id, agentId, command, parameters, timeoutMs }: Command): void {
    const payload = { targetAgent: agentId, command, parameters, timeout: timeoutMs };
    this.#viewer?.send({ id, type: 'control.execute', timestamp: new Date().toISOString(), payload });
  }

  #hear({ type, payload = {}, metadata }: ViewerMessage): void {
    if (type === 'control.accepted') return this.#settle(metadata?.correlationId, { kind: 'accepted' });
    if (type === 'control.result') {
      return this.#settle(metadata?.correlationId, { kind: 'completed', result: payload.result });
    }
    if (type !== 'error') return;
    const { requestId } = (payload.details ?? {}) as { requestId?: string | null };
    this.#settle(metadata?.correlationId ?? requestId ?? undefined, { kind: 'failed', message: `${payload.message}` });
  }

  #settle(id: string | undefined, outcome: Outcome): void {
    this.sent.value = this.sent.peek().map((command) => (command.id === id ? { ...command, outcome } : command));
  }
}

const isOpen = ({ outcome }: Command) => outcome.kind === 'waiting' || outcome.kind === 'accepted';
