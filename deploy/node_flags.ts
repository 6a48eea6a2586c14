/**
 * The options of Node.js that a node is started with by `npm start`, by the image and by the stack on this machine. V8's young generation is twice this
 * many MiB, all of which comes into use under load; with its own default of 16 each of the first 10,000 joined sockets takes 0.4 KB
 * more, and no work that was measured takes less CPU.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8'];
