import { validateWorkOrder, WORK_ORDER_MEDIA_TYPE, type Task, type WorkOrder } from '@shoal/protocol';

/** The work order among the artifacts of a finished task; undefined when there is none that is valid. */
export function readWorkOrder(task: Task): WorkOrder | undefined {
  for (const { mediaType, data } of (task.artifacts ?? []).flatMap(({ parts }) => parts)) {
    if (mediaType !== WORK_ORDER_MEDIA_TYPE) continue;
    const order = validateWorkOrder(data);
    if (order.ok) return order.value;
  }
  return undefined;
}
