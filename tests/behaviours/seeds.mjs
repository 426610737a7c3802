// Makes docs/seeds.md of behaviours.json, so that the two cannot differ. check.test.mjs compares them, and
// writes the page with REGENERATE=1.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const ROOT = new URL('../..', import.meta.url).pathname;

/** Each group of rows: the first word of their ids, and what it is about. */
const GROUPS = {
  Signon: 'GOV.UK Signon: API tokens that applications of a government use',
  Synoptic: 'Synoptic: public tokens of a weather API',
  Atlassian: 'Atlassian: users of a cloud API whose revoked tokens went on working',
  GitLab: 'GitLab: a rotation that does not break what uses the token',
  Akamai: 'Akamai: tokens of a deployment, managed in one view',
  Conflict: 'Where they contradict each other',
};

const HEAD = `# What users of five systems ask for

Wayleave began with what five systems say of their tokens, and with what their users complain of. Each row is
one sentence of theirs, in our words: what is asked, what Wayleave does, and the tests that show it. A row
without tests says why it does not apply.

This page is made of \`tests/behaviours/behaviours.json\`. \`make test\` fails when a test named there has
not run and passed ([testing.md](testing.md)). To change the page, change the table, then:
\`REGENERATE=1 node --test tests/behaviours/check.test.mjs\`.
`;

/** The page. `fileOf` says in which file a test is. */
export function page(table, fileOf) {
  const parts = Object.entries(GROUPS).map(([group, title]) => {
    const rows = table.filter(({ id }) => id.split(' ')[0] === group).map((row) => line(row, fileOf));
    return `## ${title}\n\n| | asked | Wayleave | shown by |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return [HEAD, ...parts].join('\n');
}

function line({ id, behaviour, does, does_not_apply: why, shown_by: tests = [] }, fileOf) {
  const shown = tests.map((test) => `[${test}](../${fileOf(test)})`).join('<br>');
  const cells = why === undefined ? [behaviour, does, shown] : [behaviour, `does not apply: ${why}`, ''];
  return `| ${[id, ...cells].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/**
 * A function from a test's name to its file, by the sources alone: `a::b` is a function `b` in a module `a`
 * of Rust, anything else the text of a test of Node.
 */
export function filesOfTests() {
  const files = ['src', 'tests', 'deploy'].flatMap((folder) => sources(join(ROOT, folder)));
  const read = files.map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }));
  return (test) => read.find(({ path, text }) => isIn(test, path, text))?.path;
}

function isIn(test, path, text) {
  if (path.endsWith('.rs')) {
    const names = test.split('::');
    const isRust = names.every((name) => /^\w+$/.test(name));
    if (!isRust || !text.includes(`fn ${names.at(-1)}()`)) return false;
    const modules = names.slice(0, -1).filter((name) => name !== 'tests');
    return modules.length === 0 || path.includes(modules.at(-1));
  }
  return ["'", '"', '`'].some((quote) => text.includes(`it(${quote}${test}${quote}`));
}

function sources(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((path) => /\.(rs|test\.mjs|slow\.mjs)$/.test(path) && !path.includes('node_modules'))
    .filter((path) => !path.includes('target/'))
    .sort()
    .map((path) => join(folder, path));
}
