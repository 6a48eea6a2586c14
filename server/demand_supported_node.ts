import { unsupportedNode } from './supported_node.ts';

// For whoever imports the framework: an error that can be understood, before the native parts throw theirs.
const fault = unsupportedNode();
if (fault) throw new Error(`${fault} (README.md, "The framework alone").`);
