import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const read = (file: string) => readFileSync(file, 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}

const { groups } = parse(read('deploy/alerts.yml')) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

/** The rows of docs/METRICS.md: name, type, labels, when to look. */
const rows = [...read('docs/METRICS.md').matchAll(/^\| `([a-z0-9_]+)` \| (\w+) \| (.*?) \|.*\| (.*) \|$/gm)].map(
  ([, name = '', type = '', labels = '', lookWhen = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label ?? ''),
    lookWhen: lookWhen.trim(),
  }),
);

/** Metrics in an expression; those of a histogram by the name that it is registered under. */
const metricsOf = (expr: string) =>
  [...expr.matchAll(/\b(?:aerie|process|nodejs)_[a-z0-9_]+/g)].map(([name]) =>
    name.replace(/_(bucket|count|sum)$/, ''),
  );

/** Metrics that an operator looks up, but from which no rule can detect trouble. */
const NOT_ALERTED = ['aerie_info', 'aerie_deliveries_total'];

describe('the alert rules', () => {
  it('have names, severities and summaries, each name once', () => {
    expect(rules.length).toBeGreaterThan(20);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const rule of rules) {
      expect(rule).toMatchObject({
        alert: expect.stringMatching(/^Aerie[A-Za-z]+$/),
        labels: { severity: expect.stringMatching(/^(critical|warning)$/) },
        annotations: { summary: expect.stringMatching(/./) },
      });
      if (rule.for !== undefined) expect(rule.for).toMatch(/^[1-9]\d*[smh]$/);
    }
  });

  it.each(rules.map(({ alert, expr }) => [alert, expr]))(
    '%s asks for metrics and labels that there are',
    (_name, expr) => {
      const known = rows.map(({ name }) => name);
      for (const name of metricsOf(expr)) expect(known).toContain(name);
      for (const [, name = '', matchers = ''] of expr.matchAll(/\b([a-z0-9_]+)\{([^}]*)\}/g)) {
        const row = rows.find((each) => each.name === metricsOf(name)[0]);
        // Prometheus itself adds the job.
        const labels = [...matchers.matchAll(/(\w+)=/g)].map(([, label]) => label).filter((label) => label !== 'job');
        if (name !== 'up') expect(row?.labels).toEqual(expect.arrayContaining(labels));
      }
    },
  );

  it.each(rules.map(({ alert, expr }) => [alert, expr]))(
    '%s is an expression that compares, with its brackets closed',
    (_name, expr) => {
      const open: string[] = [];
      const closing: Record<string, string> = { ')': '(', ']': '[', '}': '{' };
      for (const character of expr.replace(/"[^"]*"/g, '')) {
        if ('([{'.includes(character)) open.push(character);
        else if (character in closing) expect(open.pop()).toBe(closing[character]);
      }
      expect(open).toEqual([]);
      expect(expr).toMatch(/ (==|!=|>|<) /);
      // Counters make sense as rates only.
      for (const { name } of rows.filter(({ type }) => type === 'counter')) {
        for (const { index } of expr.matchAll(new RegExp(`\\b${name}\\b`, 'g'))) {
          expect([name, expr.slice(0, index)]).toEqual([name, expect.stringMatching(/(rate|increase)\($/)]);
        }
      }
    },
  );

  it('look at all that docs/METRICS.md says when to look at', () => {
    const alerted = new Set(rules.flatMap(({ expr }) => metricsOf(expr)));
    const wanted = rows.filter(({ name, lookWhen }) => lookWhen !== '' && !NOT_ALERTED.includes(name));
    expect(wanted.length).toBeGreaterThan(20);
    expect(wanted.map(({ name }) => name).filter((name) => !alerted.has(name))).toEqual([]);
  });
});

it('the scrape configuration takes the credential from a file, and loads the rules', () => {
  const config = parse(read('deploy/prometheus.yml'));
  expect(config).toMatchObject({
    rule_files: ['alerts.yml'],
    scrape_configs: [
      {
        job_name: 'aerie',
        metrics_path: '/metrics',
        authorization: { credentials_file: expect.any(String) },
        static_configs: [{ targets: expect.arrayContaining([expect.any(String)]) }],
      },
    ],
  });
});
