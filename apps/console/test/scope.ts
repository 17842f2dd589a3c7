export const SCOPE = { org: 'acme', unit: 'plant-1' };
