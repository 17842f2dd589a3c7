import type { Bearing } from './source.ts';

export interface BearingGeometry {
  readonly balls: number;
  readonly ballDiameterMm: number;
  readonly pitchDiameterMm: number;
  readonly contactAngleDegrees: number;
}

/** The kinematic formulas, per turn of the shaft, with the outer race at rest. */
export function bearingOrders(geometry: BearingGeometry): Omit<Bearing, 'designation'> {
  const angle = (geometry.contactAngleDegrees * Math.PI) / 180;
  const ratio = (geometry.ballDiameterMm / geometry.pitchDiameterMm) * Math.cos(angle);
  const ftf = (1 - ratio) / 2;
  return {
    bpfo: geometry.balls * ftf,
    bpfi: (geometry.balls * (1 + ratio)) / 2,
    bsf: ((geometry.pitchDiameterMm / geometry.ballDiameterMm) * (1 - ratio * ratio)) / 2,
    ftf,
  };
}

/** Deep-groove ball bearings of the models: a 6205 in pumps, a 6204 in fans. */
export const PUMP_BEARING: Bearing = {
  designation: '6205',
  ...bearingOrders({ balls: 9, ballDiameterMm: 7.94, pitchDiameterMm: 39.04, contactAngleDegrees: 0 }),
};
/** See `PUMP_BEARING`: the smaller one, a 6204. */
export const FAN_BEARING: Bearing = {
  designation: '6204',
  ...bearingOrders({ balls: 8, ballDiameterMm: 7.94, pitchDiameterMm: 33.5, contactAngleDegrees: 0 }),
};
