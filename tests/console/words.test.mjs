// What the API says to programs is said to people in other words, and every event has words.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { problemWords } from '../../www/ui/problem_words.js';

const ROOT = new URL('../../', import.meta.url);
const text = (path) => readFileSync(new URL(path, ROOT), 'utf8');

/** Words that tell a program what to send. */
const FOR_PROGRAMS = new RegExp(
  'Idempotency-Key|force: true|Authorization|(GET|POST) /|revoke_old|rotate_instead|supersede|If-Match|' +
    'the member|dry_run|clone_of|include_protected',
  'i',
);
/** Answers of the gateway to pages, which the console never gets. */
const OF_PAGES = ['token_missing', 'token_malformed', 'credential_conflict'];

/** The value that a constant has in a source, read as milliseconds. */
const constant = (path, pattern) => Number(pattern.exec(text(path))?.[1].replaceAll('_', ''));

describe('the countdown', () => {
  it('leaves out the same clock skew as the registry adds', () => {
    const here = constant('www/views/receipt.js', /SKEW_MS = ([\d_]+);/);
    const there = constant('src/limits/bound.rs', /CLOCK_SKEW_MS: i64 = ([\d_]+) \* MS_PER_SECOND;/);
    assert.equal(here, there * 1000);
  });
});

describe('the words of the console', () => {
  it('tell no person what a program would send', () => {
    const problems = JSON.parse(text('tests/vectors/problems.json'))
      .filter(({ code }) => !OF_PAGES.includes(code))
      .flatMap(({ code, detail, reasons }) => [
        { code, detail },
        ...reasons.map((one) => ({ code, ...one })),
      ]);
    assert.ok(problems.some(({ detail }) => FOR_PROGRAMS.test(detail)));
    assert.deepEqual(
      problems.filter((problem) => FOR_PROGRAMS.test(problemWords(problem))),
      [],
    );
  });

  it('name every action in the audit log', () => {
    const folder = new URL('src/control/registry/', ROOT);
    const code = readdirSync(folder, { recursive: true })
      // The queries of the list name columns, such as token.serial.
      .filter((name) => !name.startsWith('token_query/'))
      .filter((name) => name.endsWith('.rs') && !name.endsWith('tests.rs'))
      .map((name) => readFileSync(new URL(name, folder), 'utf8'))
      .join('\n');
    const actions = code.matchAll(
      /"((?:token|admin_key|session|signing_key|licence|owner|registry)\.[a-z_]+)"/g,
    );
    const written = [...new Set([...actions].map(([, action]) => action))];
    assert.ok(written.length >= 25, `${written}`);
    const told = text('www/views/event_list.js');
    assert.deepEqual(
      written.filter((action) => !told.includes(`  '${action}': '`)),
      [],
    );
  });
});
