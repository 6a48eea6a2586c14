/** WebSocket close codes of this wire (VISUALISATION.md, section 9.9). */
export const closeCodes = {
  tryLater: 1013,
  protocol: 4400,
  authFailed: 4401,
  forbidden: 4403,
  noCommonVersion: 4406,
  handshakeLate: 4408,
} as const;
