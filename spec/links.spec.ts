import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const pages = [
  ...readdirSync('.'),
  ...readdirSync('docs', { recursive: true }).map((file) => `docs/${file}`),
  ...readdirSync('gateways').map((file) => `gateways/${file}`),
  'bench/README.md',
  'bench/results/reference/report.md',
].filter((file) => file.endsWith('.md'));

/** A page without its blocks of code. */
const prose = (page: string) => readFileSync(page, 'utf8').replace(/^```.*?^```/gms, '');

/** As GitHub makes it of a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (page: string) => [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchor(heading));

describe('the links of each page lead somewhere', () => {
  it.each(pages)('%s', (page) => {
    const links = [...prose(page).matchAll(/\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)/g)];
    const broken = links.flatMap(([link, path = '', heading]) => {
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(target)) return [link];
      return heading === undefined || anchorsOf(target).includes(heading) ? [] : [link];
    });
    expect(broken).toEqual([]);
  });
});
