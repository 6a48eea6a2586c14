/** The members of one node, as far as presence is concerned. */
export function diffListeners() {
  const listeners = new Map<string, ((payloadJson: string) => void)[]>();
  return {
    onDiff(topic: string, listener: (payloadJson: string) => void) {
      listeners.set(topic, [...(listeners.get(topic) ?? []), listener]);
    },
    broadcastLocal(topic: string, event: string, payloadJson: string) {
      expect(event).toBe('presence_diff');
      for (const listener of listeners.get(topic) ?? []) listener(payloadJson);
    },
  };
}
