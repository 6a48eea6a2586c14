/**
 * That something has happened: logged in the commit that made it happen, and counted once. What kinds there are is declared
 * where they are made, in each domain's `facts.ts`. Amounts are micro-USDC in decimal.
 */
export interface Fact {
  readonly type: string;
  /** The store's clock at the decision. */
  readonly atMs: number;
  /** Of the aggregate, before the change: what one has brought about is in this order, whatever the log's is. */
  readonly version?: number;
}

/** A fact as the log keeps it. */
export const factText = <F extends Fact>(fact: F) => JSON.stringify(fact);
