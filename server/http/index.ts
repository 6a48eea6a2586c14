/** Routes over HTTP: who may call, how bodies are read, how refusals go out. */
export { bearer } from './bearer.ts';
export { corsOf, optionsAnswer } from './cors.ts';
export { type Exchange, type HttpAnswer, openExchange } from './exchange.ts';
export { faultRefusal } from './fault.ts';
export { jsonBody } from './json_body.ts';
export { isOriginPattern, type OriginPolicy, originAllowed } from './origin.ts';
export { httpReasons, httpRefusal, jsonAnswer, problem } from './problem.ts';
export { httpRouter } from './router.ts';
export type { Call, Method, Route } from './routes.ts';
export { isAddressOrRange, TrustedProxies } from './trusted_proxies.ts';
