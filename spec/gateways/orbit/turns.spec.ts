import { MAX_WAITING, Turns, type TurnsOut } from '../../../gateways/orbit/turns.ts';

/** Turns, and what they brought about. */
function given() {
  const seen: unknown[] = [];
  const out: TurnsOut = {
    store: (content) => seen.push(['store', content]),
    began: (id) => seen.push(['began', id]),
    thinking: (id) => seen.push(['thinking', id]),
    failed: (id, message) => seen.push(['failed', id, message]),
    ended: () => seen.push(['ended']),
  };
  const turns = new Turns(out);
  const taken = () => seen.splice(0);
  return { turns, taken };
}

/** With the message `a` stored as `e-1` and told. */
function withTurn() {
  const it = given();
  it.turns.open();
  it.turns.said('a');
  it.turns.stored('e-1');
  it.turns.received('e-1');
  it.taken();
  return it;
}

describe('turns', () => {
  it('store the first message at once, and the next one after its answer', () => {
    const { turns, taken } = given();
    turns.open();
    expect(turns.said('a')).toBe(true);
    expect(turns.said('b')).toBe(true);
    expect(taken()).toEqual([['store', 'a']]);
    turns.stored('e-1');
    turns.received('e-1');
    turns.answered('e-1');
    expect(taken()).toEqual([['began', 'e-1'], ['ended'], ['store', 'b']]);
    expect(turns.current).toBeUndefined();
  });

  it('let 16 messages wait, and drop the 17th', () => {
    const { turns, taken } = withTurn();
    for (let at = 1; at <= MAX_WAITING; at++) expect(turns.said(`${at}`)).toBe(true);
    expect(turns.said('17')).toBe(false);
    for (let at = 1; at <= MAX_WAITING; at++) {
      turns.answered(turns.current ?? '');
      turns.stored(`e-${at + 1}`);
    }
    turns.answered(turns.current ?? '');
    expect(taken().filter((each) => (each as string[])[0] === 'store')).toEqual(
      Array.from({ length: 16 }, (_, at) => ['store', `${at + 1}`]),
    );
  });

  it('keep messages until they are opened', () => {
    const { turns, taken } = given();
    for (let at = 0; at < MAX_WAITING; at++) expect(turns.said('x')).toBe(true);
    expect(turns.said('x')).toBe(false);
    expect(taken()).toEqual([]);
    turns.open();
    expect(taken()).toEqual([['store', 'x']]);
  });

  it('think once, when an agent has the message and the client knows that it is stored', () => {
    const { turns, taken } = given();
    turns.open();
    turns.said('a');
    turns.handed();
    turns.stored('e-1');
    turns.handed();
    expect(taken()).toEqual([
      ['store', 'a'],
      ['began', 'e-1'],
    ]);
    turns.received('e-1');
    turns.handed();
    turns.atWork('e-1');
    expect(taken()).toEqual([['thinking', 'e-1']]);
  });

  it('think before anything that the agent does for this message, and for no other', () => {
    const { turns, taken } = withTurn();
    turns.atWork('e-0');
    turns.atWork(undefined);
    expect(taken()).toEqual([]);
    expect(turns.isUnhanded).toBe(true);
    turns.atWork('e-1');
    expect(taken()).toEqual([['thinking', 'e-1']]);
    expect(turns.isUnhanded).toBe(false);
  });

  it('end once, by an error or by the answer, whichever is first', () => {
    const { turns, taken } = withTurn();
    turns.fail('timed out');
    turns.answered('e-1');
    turns.fail('again');
    expect(taken()).toEqual([['failed', 'e-1', 'timed out'], ['ended']]);
    expect(turns.isOver('e-1')).toBe(true);
    expect(turns.isOver('e-2')).toBe(false);
  });

  it('do not take a late answer for that of the next message', () => {
    const { turns, taken } = withTurn();
    turns.said('b');
    turns.fail('timed out');
    turns.stored('e-2');
    taken();
    turns.answered('e-1');
    turns.answered(null);
    expect(taken()).toEqual([]);
    expect(turns.current).toBe('e-2');
  });

  it('fail without an execution where the message was not stored, and go on', () => {
    const { turns, taken } = given();
    turns.open();
    turns.said('a');
    turns.said('b');
    turns.fail('Server error');
    expect(taken()).toEqual([['store', 'a'], ['failed', undefined, 'Server error'], ['ended'], ['store', 'b']]);
    turns.dismiss();
    expect(taken()).toEqual([['ended']]);
  });

  it('take nothing once they are closed', () => {
    const { turns, taken } = withTurn();
    turns.said('b');
    turns.close();
    turns.fail('Session closed');
    turns.said('c');
    expect(taken()).toEqual([['failed', 'e-1', 'Session closed'], ['ended']]);
  });
});
