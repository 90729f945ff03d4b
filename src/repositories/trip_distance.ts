import type { Itinerary } from '../types/json.ts';

/**
 * How long a trip is: by its route, as Mapbox Directions gives it for all legs together, and along great circles from stop
 * to stop, which is the least it can be. Null without a route, and with fewer than two stops on the map.
 */
export type TripDistance = {
  route_metres: number | null;
  route_seconds: number | null;
  straight_line_metres: number | null;
};

/** The mean radius of the earth, in metres. */
const radius = 6_371_009;

/** From stop to stop in whole metres, past those without coordinates. */
export function straightLine(destinations: Itinerary): number | null {
  const points = destinations.flatMap(({ lat, lng }) => (lat === undefined || lng === undefined ? [] : [{ lat, lng }]));
  if (points.length < 2) return null;
  return Math.round(points.slice(1).reduce((sum, point, i) => sum + greatCircle(points[i] ?? point, point), 0));
}

type Point = { lat: number; lng: number };

/** The haversine formula. */
function greatCircle(one: Point, other: Point): number {
  const [from, to] = [radians(one.lat), radians(other.lat)];
  const chord =
    Math.sin((to - from) / 2) ** 2 + Math.cos(from) * Math.cos(to) * Math.sin(radians(other.lng - one.lng) / 2) ** 2;
  return 2 * radius * Math.asin(Math.min(1, Math.sqrt(chord)));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
