import { analyticsFeature } from '../../../channels/analytics/feature.ts';
import { deadlineStats } from '../../../channels/kernel/deadlines.ts';
import { silentLog } from '../../../server/index.ts';
import { eventually } from '../../support/eventually.ts';
import { embeddedStore } from '../stores.ts';

const nobody = { read: async () => undefined, readProfiles: async () => [] };

describe('a node that has just started', () => {
  // It took whoever was connected to another node for away, and counted nobody online.
  it('looks at who is present when it knows, and not before', async () => {
    const { store, discard } = await embeddedStore();
    let know = () => {};
    const known = new Promise<void>((resolve) => {
      know = resolve;
    });
    let looks = 0;
    const presence = {
      follow: () => known,
      keys() {
        looks++;
        return ['ada'];
      },
    };
    const figures = analyticsFeature({
      store,
      presence,
      principals: { agents: nobody, users: nobody },
      hub: { broadcast() {}, broadcastLocal() {} },
      nodes: { live: () => [], report() {}, sums: async () => [] },
      log: silentLog,
      deadlineStats: deadlineStats(),
    });
    await figures.start?.();
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(looks).toBe(0);
    know();
    await eventually(() => expect(looks).toBeGreaterThan(0));
    await figures.close?.();
    await discard();
  });
});
