// Generates the weather of the demo API. It is the same for every caller, and for the map and the numbers.

export const STATIONS = [
  { id: 'brae', name: 'Brae Head', latitude: 60.4, longitude: -1.3 },
  { id: 'kinnaird', name: 'Kinnaird Light', latitude: 57.7, longitude: -2.0 },
  { id: 'ekofisk', name: 'Ekofisk', latitude: 56.5, longitude: 3.2 },
  { id: 'skagen', name: 'Skagen West', latitude: 57.7, longitude: 10.4 },
  { id: 'texel', name: 'Texelhors', latitude: 53.0, longitude: 4.7 },
  { id: 'dogger', name: 'Dogger Bank', latitude: 54.9, longitude: 2.2 },
];

/**
 * °C at a place and time: colder to the north, with systems a few hundred kilometres wide that drift east.
 */
export function temperature(latitude, longitude, milliseconds) {
  const hours = milliseconds / 3_600_000;
  const east = longitude - hours * 0.6;
  const waves =
    Math.sin(east * 0.71 + latitude * 0.43) * 2.1 +
    Math.sin(east * 0.33 - latitude * 0.87 + 1.7) * 2.6 +
    Math.sin(east * 1.57 + latitude * 1.21 + 0.4) * 0.7;
  return 11 - (latitude - 52) * 0.8 + waves;
}

/** One observation in the API's form. */
export function observation(station, milliseconds) {
  const { latitude, longitude } = station;
  const here = temperature(latitude, longitude, milliseconds);
  // The wind follows the gradient of the temperature, which is enough to look realistic.
  const slopeNorth = temperature(latitude + 0.5, longitude, milliseconds) - here;
  const slopeEast = temperature(latitude, longitude + 0.5, milliseconds) - here;
  return {
    station: station.id,
    name: station.name,
    observed_at: new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z'),
    latitude,
    longitude,
    temperature_celsius: round(here),
    wind_metres_per_second: round(3 + 5 * Math.hypot(slopeNorth, slopeEast)),
    wind_from_degrees: Math.round((Math.atan2(slopeEast, slopeNorth) * 180) / Math.PI + 360) % 360,
    pressure_hectopascal: round(1013 - here * 0.9 + slopeNorth * 4),
  };
}

function round(value) {
  return Math.round(value * 10) / 10;
}
