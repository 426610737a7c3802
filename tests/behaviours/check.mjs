// What other systems do for their tokens and what their users ask for, row by row: each names the tests that show it here.
//
//   node tests/behaviours/check.mjs LOG     every test named must stand in LOG, the output of this run, as passed
//
// GOV.UK Signon, Synoptic, Atlassian, GitLab and Akamai are the systems whose ways were studied; the rows are in our words.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A row may say that it does not apply, with why; these alone. */
const MAY_NOT_APPLY = ['Synoptic 8', 'Synoptic 9', 'Synoptic 16', 'GitLab 9', 'Signon source 1'];

/** Names of the tests that a log says passed: cargo's `test a::b ... ok`, and node's `✔ name (1.2ms)`. */
export function passed(log) {
  const plain = log.replaceAll(/\u001b\[[0-9;]*m/g, '');
  const cargo = plain.matchAll(/^test (\S+)(?: - should panic)? \.\.\. ok$/gm);
  const node = plain.matchAll(/^\s*✔ (.+) \([\d.]+m?s\)$/gm);
  return new Set([...cargo, ...node].map(([, name]) => name));
}

/** What is wrong with the table, given the tests that passed. */
export function faults(table, names) {
  const found = [];
  for (const { id, behaviour, shown_by: tests, does_not_apply: why } of table) {
    if (why !== undefined) {
      if (!MAY_NOT_APPLY.includes(id)) found.push(`${id} (${behaviour}) must be shown by a test`);
      continue;
    }
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
