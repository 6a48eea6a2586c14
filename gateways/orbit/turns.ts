/** Effects of turns. */
export interface TurnsOut {
  /** Has the next message stored. */
  store(content: string): void;
  /** The message of this turn is stored: from now on it may take its time. */
  began(executionId: string): void;
  /** The agent has the message. */
  thinking(executionId: string): void;
  /** The turn ends without an answer. */
  failed(executionId: string | undefined, message: string): void;
  ended(): void;
}

/** Messages that wait while one is being answered. */
export const MAX_WAITING = 16;

interface OrbitTurn {
  /** Known once the message is stored. */
  executionId: string | undefined;
  /** The client has been told that it is stored. */
  isReceived: boolean;
  isHanded: boolean;
  isThinking: boolean;
}

/**
 * Takes the messages of one socket one at a time. A turn begins with a message and ends with its answer or with one error;
 * what an agent does for it comes after `thinking`, and nothing of it after its end.
 */
export class Turns {
  readonly #out: TurnsOut;
  readonly #waiting: string[] = [];
  readonly #over = new Set<string>();
  #turn: OrbitTurn | undefined;
  #isOpen = false;

  constructor(out: TurnsOut) {
    this.#out = out;
  }

  /** The execution of the message that is being answered, once it is stored. */
  get current(): string | undefined {
    return this.#turn?.executionId;
  }

  /** True while the agent has not got the message of this turn. */
  get isUnhanded(): boolean {
    return this.#turn !== undefined && !this.#turn.isHanded;
  }

  /** Begins to take messages. */
  open(): void {
    this.#isOpen = true;
    this.#next();
  }

  /** Takes no more messages, and forgets those that wait. */
  close(): void {
    this.#isOpen = false;
    this.#waiting.length = 0;
  }

  /** @returns false if too many wait: it is dropped */
  said(content: string): boolean {
    const isBusy = this.#turn !== undefined || !this.#isOpen;
    if (isBusy && this.#waiting.length >= MAX_WAITING) return false;
    this.#waiting.push(content);
    this.#next();
    return true;
  }

  stored(executionId: string): void {
    if (!this.#turn || this.#turn.executionId !== undefined) return;
    this.#turn.executionId = executionId;
    this.#out.began(executionId);
  }

  /** The client has been told that the message is stored. */
  received(executionId: string): void {
    if (!this.#turn || this.#turn.executionId !== executionId) return;
    this.#turn.isReceived = true;
    this.#think(this.#turn);
  }

  /** A joined agent has the message of this turn. */
  handed(): void {
    const turn = this.#turn;
    if (turn?.executionId === undefined) return;
    turn.isHanded = true;
    this.#think(turn);
  }

  /** The agent does something for an execution: it has that message. */
  atWork(executionId: string | null | undefined): void {
    if (executionId != null && this.current === executionId) this.handed();
  }

  /** The final answer for an execution has been told. */
  answered(executionId: string | null): void {
    if (executionId === null) return;
    this.#over.add(executionId);
    if (this.current === executionId) this.#end();
  }

  /** Ends the turn with an error. */
  fail(message: string): void {
    if (!this.#turn) return;
    const { executionId } = this.#turn;
    if (executionId !== undefined) this.#over.add(executionId);
    this.#out.failed(executionId, message);
    this.#end();
  }

  /** Ends a turn whose message was not taken, which the client is told by other words. */
  dismiss(): void {
    if (this.#turn) this.#end();
  }

  /** True if an execution has ended on this socket, by an answer or by an error. */
  isOver(executionId: string): boolean {
    return this.#over.has(executionId);
  }

  #think(turn: OrbitTurn): void {
    if (!turn.isReceived || !turn.isHanded || turn.isThinking || turn.executionId === undefined) return;
    turn.isThinking = true;
    this.#out.thinking(turn.executionId);
  }

  #end(): void {
    this.#turn = undefined;
    this.#out.ended();
    this.#next();
  }

  #next(): void {
    if (this.#turn || !this.#isOpen) return;
    const content = this.#waiting.shift();
    if (content === undefined) return;
    this.#turn = { executionId: undefined, isReceived: false, isHanded: false, isThinking: false };
    this.#out.store(content);
  }
}
