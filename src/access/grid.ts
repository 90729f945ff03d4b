import { type Person, people } from './access.ts';

/** A line of a table in access.ts: the words of its label, and one word for each person. */
export type Line = { readonly label: string; readonly cells: Readonly<Record<Person, string>> };

/** Reads a table. Throws if a line has not one cell for each person. */
export function readGrid(text: string): Line[] {
  const [head, ...lines] = text.trim().split('\n').map(wordsOf);
  if (head?.join() !== people.join()) throw new Error(`A table begins with the people, not with "${head?.join(' ')}".`);
  return lines.map((words) => {
    const label = words.slice(0, -people.length).join(' ');
    if (label === '') throw new Error(`A line has a label and ${people.length} cells, not "${words.join(' ')}".`);
    const cells = words.slice(-people.length);
    return { label, cells: forEachPerson((_, index) => cells[index] ?? '') };
  });
}

export function forEachPerson<T>(make: (person: Person, index: number) => T): Record<Person, T> {
  return Object.fromEntries(people.map((person, index) => [person, make(person, index)])) as Record<Person, T>;
}

export const wordsOf = (text: string) => text.split(/\s+/).filter((word) => word !== '');
