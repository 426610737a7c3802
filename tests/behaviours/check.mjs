// Checks the table of behaviours that other token systems have or their users request. Each row says what
// Wayleave does, and names the tests that show it. docs/seeds.md is made of the table (seeds.mjs).
//
//   node tests/behaviours/check.mjs LOG     every named test must have passed in LOG, the output of this run
//
// The systems are GOV.UK Signon, Synoptic, Atlassian, GitLab and Akamai. The rows are in our own words.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

/** Only these rows may state that they do not apply, with the reason. */
const MAY_NOT_APPLY = ['Synoptic 8', 'Synoptic 9', 'Synoptic 16', 'GitLab 9', 'Signon source 1'];

/** Names of the tests that passed in a log: cargo's `test a::b ... ok`, and node's `✔ name (1.2ms)`. */
export function passed(log) {
  const plain = stripVTControlCharacters(log);
  const cargo = plain.matchAll(/^test (\S+)(?: - should panic)? \.\.\. ok$/gm);
  const node = plain.matchAll(/^\s*✔ (.+) \([\d.]+m?s\)$/gm);
  return new Set([...cargo, ...node].map(([, name]) => name));
}

/** The faults of the table, given the tests that passed. */
export function faults(table, names) {
  const found = [];
  for (const { id, behaviour, does, shown_by: tests, does_not_apply: why } of table) {
    if (why !== undefined) {
      if (!MAY_NOT_APPLY.includes(id)) found.push(`${id} (${behaviour}) must be shown by a test`);
      continue;
    }
    if (!does) found.push(`${id} (${behaviour}) does not say what Wayleave does`);
    if (!tests?.length) found.push(`${id} (${behaviour}) names no test`);
    for (const test of tests ?? []) {
      if (!names.has(test)) found.push(`${id} (${behaviour}): the test "${test}" has not run, or not passed`);
    }
  }
  return found;
}

if (basename(process.argv[1] ?? '') === basename(fileURLToPath(import.meta.url))) {
  const table = JSON.parse(readFileSync(new URL('behaviours.json', import.meta.url), 'utf8'));
  const found = faults(table, passed(readFileSync(process.argv[2], 'utf8')));
  for (const fault of found) console.error(fault);
  console.log(`${table.length} behaviours, ${found.length} faults`);
  process.exit(found.length === 0 ? 0 : 1);
}
