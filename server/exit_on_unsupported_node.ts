import { unsupportedNode } from './supported_node.ts';

// For programs of this repository, as their first import: one line, before any native part is loaded.
const fault = unsupportedNode();
if (fault) {
  const brings = '"npm install --include=dev --include=optional" brings 22';
  process.stderr.write(`${fault}: ${brings}, and "npm start" and all other npm scripts here use it.\n`);
  process.exit(1);
}
