import { DAY, zoneOf } from '../../core/zone.ts';
import { WEEKDAYS, weekdayOf } from './windows.ts';

const MINUTE = 60_000;
const MOST_NAMES = 5;

export function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** Five names at most. */
export function names(all: readonly { name: string }[]): string {
  const shown = all.slice(0, MOST_NAMES).map(({ name }) => name);
  return all.length > MOST_NAMES ? `${shown.join(', ')}, ...` : shown.join(', ');
}

/** `Mon 09:00 Europe/Zurich`; with its date where it is more than six days away. To the minute, rounded up. */
export function when(at: number, now: number, timeZone: string): string {
  const rounded = Math.ceil(at / MINUTE) * MINUTE;
  const wall = rounded + zoneOf(timeZone).offset(rounded);
  const iso = new Date(wall).toISOString();
  const weekday = WEEKDAYS[weekdayOf(Math.floor(wall / DAY))] ?? '';
  const day = at - now < 6 * DAY ? `${weekday.charAt(0).toUpperCase()}${weekday.slice(1)}` : iso.slice(0, 10);
  return `${day} ${iso.slice(11, 16)} ${timeZone}`;
}
