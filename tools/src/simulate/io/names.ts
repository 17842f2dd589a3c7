export const ORG = 'o';
export const UNIT = 'u';
/** Of the session that callers ask for. */
export const SESSION_ID = '3f0c2f7e-7a63-4a0b-9d0e-5a8f4f1f2a01';
/** Of the one that does something of it again. */
export const RERUN_ID = '8d1e5b90-2c34-4f7a-b6a1-0e9c7d3b5a02';
