import { packageJson } from './package_json.ts';

/** This server's version. */
export const { version } = packageJson;
