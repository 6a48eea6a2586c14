import { packageJson } from './package_json.ts';

/** Major versions that uWebSockets.js has binaries for and that the specs run on: `engines` of package.json, `20 || 22`. */
const majors = packageJson.engines.node.split('||').map(Number);

/** Begins the line for whoever runs another Node.js; `undefined` on one that is supported. */
export function unsupportedNode(version = process.versions.node): string | undefined {
  if (majors.includes(Number.parseInt(version, 10))) return undefined;
  return `Aerie needs Node.js ${majors.join(' or ')}, and this is ${version}`;
}
