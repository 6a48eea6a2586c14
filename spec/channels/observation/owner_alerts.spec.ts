import type { Alert } from '../../../channels/analytics/alerts.ts';
import { OwnerAlerts } from '../../../channels/observation/owner_alerts.ts';

const alert = (id: string) => ({ id }) as Alert;

describe('alerts about multi-agents', () => {
  it('are told when they begin and end, by owner', () => {
    const alerts = new OwnerAlerts();
    const [one, two, three] = [alert('1'), alert('2'), alert('3')];
    expect(alerts.take('u-1', [one, two])).toEqual({ raised: [one, two], ended: [] });
    expect(alerts.take('u-2', [three])).toEqual({ raised: [three], ended: [] });
    expect(alerts.take('u-1', [one, two])).toEqual({ raised: [], ended: [] });
    expect(alerts.take('u-1', [two])).toEqual({ raised: [], ended: [one] });
    expect([...alerts.all()]).toEqual([two, three]);
    expect(alerts.of('u-1')).toEqual([two]);
    expect(alerts.take('u-1', [])).toEqual({ raised: [], ended: [two] });
    expect([...alerts.owners()]).toEqual(['u-2']);
  });
});
