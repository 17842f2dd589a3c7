export const ORG = 'o';
export const UNIT = 'u';
/** Of the session that callers ask for. */
export const SESSION_ID = '3f0c2f7e-7a63-4a0b-9d0e-5a8f4f1f2a01';
