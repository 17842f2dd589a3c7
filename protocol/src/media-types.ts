/** Media type of the artifact part that is a `WorkOrder`. */
export const WORK_ORDER_MEDIA_TYPE = 'application/vnd.shoal.work-order+json';
