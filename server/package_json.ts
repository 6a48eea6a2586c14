import { existsSync, readFileSync } from 'node:fs';

interface PackageJson {
  readonly version: string;
  readonly engines: { readonly node: string };
}

/** package.json lies beside this folder in the sources, and one folder further up in the build. */
const file = ['../package.json', '../../package.json']
  .map((place) => new URL(place, import.meta.url))
  .find((url) => existsSync(url));
if (!file) throw new Error('package.json is missing: it belongs beside dist/.');

/** The package.json of this package. */
export const packageJson = JSON.parse(readFileSync(file, 'utf8')) as PackageJson;
