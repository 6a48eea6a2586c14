/** Styles go into the page's own sheet when it is built. */
declare module '*.css';
