import type { ChannelSpec } from './source.ts';

const channel = (name: string, unit: string, min: number, max: number, description: string): ChannelSpec => {
  return { name, unit, min, max, description };
};

/** The same for the model and for the recorded test bed. */
export const PUMP_CHANNELS: readonly ChannelSpec[] = [
  channel('vibration1', 'g', 0, 20, 'Acceleration at the drive end, RMS'),
  channel('vibration2', 'g', 0, 20, 'Acceleration at the non-drive end, RMS'),
  channel('current', 'A', 0, 20, 'Motor current'),
  channel('pressure', 'bar', -1, 10, 'Pressure behind the pump'),
  channel('motorTemperature', '°C', -20, 150, 'Temperature of the motor body'),
  channel('fluidTemperature', '°C', -20, 120, 'Temperature of the fluid'),
  channel('voltage', 'V', 0, 300, 'Motor voltage, phase to neutral'),
  channel('flow', 'l/min', 0, 300, 'Volume flow'),
];

/** What an air handling unit measures, with unit and range. */
export const HVAC_CHANNELS: readonly ChannelSpec[] = [
  channel('supplyTemperature', '°C', -10, 60, 'Supply air'),
  channel('returnTemperature', '°C', -10, 60, 'Return air'),
  channel('fanCurrent', 'A', 0, 30, 'Fan motor current'),
  channel('filterPressureDrop', 'Pa', 0, 1000, 'Pressure drop across the filter'),
  channel('airflow', 'm³/h', 0, 20000, 'Air volume flow'),
  channel('vibration1', 'g', 0, 20, 'Acceleration at the drive end of the fan, RMS'),
  channel('vibration2', 'g', 0, 20, 'Acceleration at the non-drive end of the fan, RMS'),
];
