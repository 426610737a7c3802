// Generates spellings of the path /<name>/<rest> that some server reads as that path.
//
// A path has three parts: the text before the name, the name, and the text between the name and the rest.
// Each part has a list of spellings. Each spelling occurs once with the other parts plain. Random
// combinations follow, from a seed that the test prints.

/** Some server reads each of these as one slash, or as a path back to the root. */
const BEFORE = [
  '/',
  '//',
  '///',
  '/./',
  '/%2e/',
  '/%2E/',
  '/x/../',
  '/x/%2e%2e/',
  '/x/.%2e/',
  '/x/..%2f',
  '/x%2f..%2f',
  '/%2f',
  '/%2F',
  '/%252f',
  '/%5c',
  '/\\',
  '\\',
  '/;/',
  '/;a=b/',
  '/%3b/',
  '/%3B/',
  '/.;/',
  '/x/..;/',
  '/x/..;a=b/',
  '/x/%2e%2e;/',
  '//x/',
  '///x/',
  '//x//y/',
  '/%2fx/',
  '/%00/',
  '/%20/',
  '/%09/',
  '/%0a/',
  '/%2e%2f',
  '/x/..%5c',
  '/x\\..\\',
  '/%c0%af',
  '/%e0%80%af',
  '/%u002f',
  '/%ef%bc%8f',
  '/%3f/../',
  '/%23/../',
  '/x%3f/../',
  '/%20%2e/',
  '/.%20/',
  '/%2500/',
  '/;%2fx/',
  '/;a=%3f/',
  '/;%5cx/',
  '//%3fx/',
  '/index.php/',
  '/index.php//',
  '/%69ndex.php/',
  '/index.php;x/',
  '/INDEX.PHP/',
  '/(S(x))/',
];

/** Some server reads each of these as one slash, or as the end of the segment. */
const BETWEEN = [
  '/',
  '//',
  '/./',
  '/%2e/',
  '/x/../',
  '%2f',
  '%2F',
  '%252f',
  '%25252f',
  '%5c',
  '%5C',
  '\\',
  ';/',
  ';a=b/',
  ';a/',
  '%3b/',
  '%3B/',
  '%253b/',
  './',
  '../',
  '%2e/',
  '%20/',
  '%20%2e/',
  '%2e%20/',
  '+/',
  '%09/',
  '%0a/',
  '%0d%0a/',
  '%0b/',
  '%7f/',
  '%00/',
  '%00',
  '%01/',
  '%c0%af',
  '%c1%9c',
  '%e0%80%af',
  '%u002f',
  '%ef%bc%8f',
  '%c2%a0/',
  '%c2%85/',
  '%e2%80%8b/',
  ':$DATA/',
  '::$DATA/',
  '%3a%24DATA/',
  '%3f/',
  '%23/',
  '%3f',
  '%23',
  '%253f/',
  '?/',
  '#/',
];

function* spelledNames(name) {
  const percent = (text, hex) => [...text].map((char) => `%${hex(char.charCodeAt(0).toString(16))}`).join('');
  const lower = (text) => text;
  const at = (index, to) => name.slice(0, index) + to(name[index]) + name.slice(index + 1);
  yield name;
  yield name.toUpperCase();
  yield name[0].toUpperCase() + name.slice(1);
  yield [...name].map((char, index) => (index % 2 === 0 ? char : char.toUpperCase())).join('');
  for (let index = 0; index < name.length; index += 1) {
    yield at(index, (char) => char.toUpperCase());
    yield at(index, (char) => percent(char, lower));
    yield at(index, (char) => percent(char.toUpperCase(), (hex) => hex.toUpperCase()));
    yield at(index, (char) => percent(char, lower).replace('%', '%25'));
    yield at(index, (char) => percent(char, lower).replaceAll('%', '%u00'));
    yield at(index, (char) => encodeURIComponent(String.fromCharCode(char.charCodeAt(0) + 0xfee0)));
  }
  yield percent(name, lower);
  yield percent(name.toUpperCase(), lower);
  yield percent(name, lower).replaceAll('%', '%25');
  for (const other of ['%c4%b1', '%c4%b0', 'i%cc%87']) if (name.includes('i')) yield name.replace('i', other);
  if (name.includes('s')) yield name.replace('s', '%c5%bf');
  if (name.includes('k')) yield name.replace('k', '%e2%84%aa');
}

/** Distinct paths: every spelling of each part, and `combined` random combinations. */
export function spellings(name, rest, random, combined) {
  const names = [...spelledNames(name)];
  const made = new Set();
  const add = (before, middle, between) => {
    made.add(`${before}${middle}${between}${rest}`);
    made.add(`${before}${middle}${between}`);
  };
  made.add(`/${name}`);
  for (const before of BEFORE) add(before, name, '/');
  for (const middle of names) add('/', middle, '/');
  for (const between of BETWEEN) add('/', name, between);
  const part = (plain, list) => (random.chance(0.4) ? plain : random.of(list));
  for (let count = 0; count < combined; count += 1) {
    add(part('/', BEFORE), part(name, names), part('/', BETWEEN));
  }
  return [...made];
}
