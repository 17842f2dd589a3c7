/** The two shapes that Dapr publishes numbers for: https://docs.dapr.io/operations/performance-and-scalability/perf-workflow/ */
export const SHAPES = {
  chain: `id: chain
description: Five steps, one after the other.
deadlineSeconds: 600
retentionSeconds: 600
steps:
  - { id: a, use: { blueprint: work } }
  - { id: b, use: { blueprint: work }, needs: [a] }
  - { id: c, use: { blueprint: work }, needs: [b] }
  - { id: d, use: { blueprint: work }, needs: [c] }
  - { id: e, use: { blueprint: work }, needs: [d] }
`,
  fan: `id: fan
description: Five steps at once, and one that waits for them.
deadlineSeconds: 600
retentionSeconds: 600
steps:
  - { id: a, use: { blueprint: work } }
  - { id: b, use: { blueprint: work } }
  - { id: c, use: { blueprint: work } }
  - { id: d, use: { blueprint: work } }
  - { id: e, use: { blueprint: work } }
  - { id: z, use: { blueprint: work }, needs: [a, b, c, d, e] }
`,
} as const;

export type Shape = keyof typeof SHAPES;
