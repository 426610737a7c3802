// Reads figures that native tests print as lines `<KEYWORD> <JSON>`; all other output is passed on.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/**
 * Runs the ignored test `name` of tests/`target` and returns the values of its lines. Long tests pass
 * ["--release"] as `profile`.
 */
export async function printed(keyword, target, name, profile = []) {
  const command = ['test', ...profile, '--locked', '--test', target, name, '--', '--ignored', '--nocapture'];
  const child = spawn('cargo', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const found = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const at = line.indexOf(`${keyword} {`);
    if (at < 0) console.log(`  ${line}`);
    else found.push(JSON.parse(line.slice(at + keyword.length)));
  }
  const [code] = await exit;
  if (code !== 0) throw new Error(`cargo ${command.join(' ')} ended with ${code}`);
  if (found.length === 0) throw new Error(`cargo ${command.join(' ')} printed no line ${keyword} {…}`);
  return found;
}
