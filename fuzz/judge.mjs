// Another engine's opinion: judges modules with V8 (WebAssembly of Node.js 24 or newer).
//
// One process judges many: it reads frames from standard input, each a kind (a byte), a size (u32,
// little-endian) and so many bytes of a module. A frame `f` without bytes ends a batch; the answers
// to it are one line each, behind their total size (u32). Kinds:
//   v  validates: `1`, or `0` and why, or `?` for no opinion
//   x  instantiates a module as fuzz/generator.h describes it and calls its exports
//   e  calls the exports of any module with zeros, as fuzz/run_exports.h describes it
import { readSync, writeSync } from 'node:fs';

function read(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    let count = 0;
    try {
      count = readSync(0, bytes, at, size - at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      continue;
    }
    if (count === 0) return null;
    at += count;
  }
  return bytes;
}

function write(bytes) {
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at, bytes.length - at);
}

function note(a, b) {
  const mixed = (BigInt(a >>> 0) * 31n) ^ BigInt.asUintN(64, b);
  return Number(BigInt.asIntN(32, mixed ^ (mixed >> 32n)));
}

function hash(bytes) {
  let value = 0x811c9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193);
  return (value >>> 0).toString(16);
}

const traps = [
  [/unreachable/, 'unreachable'],
  [/divide by zero|remainder by zero/, 'integer_divide_by_zero'],
  [/divide result unrepresentable/, 'overflow'],
  [/float unrepresentable/, 'overflow'],
  [/memory access out of bounds|segment/, 'memory'],
  [/null function or function signature/, 'element'],
  [/table/, 'table'],
];

function trap(error) {
  if (error instanceof RangeError) return 'exhausted';
  const found = traps.find(([pattern]) => pattern.test(error.message));
  return found ? found[1] : error.message.replaceAll(/[\n ]/g, '_');
}

function execute(bytes) {
  const module = new WebAssembly.Module(bytes);
  const { exports } = new WebAssembly.Instance(module, { host: { note } });
  let answer = '';
  for (let i = 0; exports['c' + i]; i++) {
    try {
      answer += BigInt.asUintN(64, exports['c' + i]()) + ' ';
    } catch (error) {
      answer += trap(error) + ' ';
    }
  }
  if (exports.m) answer += hash(new Uint8Array(exports.m.buffer));
  return answer;
}

// What V8 refuses although it is valid: beyond a limit of its own, it says so.
const limits = /implementation limit|exceeds maximum|maximum .* size|too many|size .* > maximum/;

function validate(bytes) {
  if (WebAssembly.validate(bytes)) return '1';
  try {
    new WebAssembly.Module(bytes);
  } catch (error) {
    return limits.test(error.message) ? '?' : '0 ' + error.message.replaceAll('\n', ' ');
  }
  return '?';
}

const float = new DataView(new ArrayBuffer(8));

function describe(value) {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map(describe).join(',');
  if (typeof value === 'bigint') return BigInt.asUintN(64, value) + 'n';
  if (typeof value !== 'number') return 'ref';
  if (Number.isNaN(value)) return 'nan';
  float.setFloat64(0, value);
  return float.getBigUint64(0).toString(16);
}

// `false` becomes a zero of every type of number.
function importsOf(module) {
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== 'function') return null;
    (imports[from] ??= {})[name] = () => false;
  }
  return imports;
}

function executeExports(bytes) {
  const module = new WebAssembly.Module(bytes);
  const imports = importsOf(module);
  if (imports === null) return '?';
  const { exports } = new WebAssembly.Instance(module, imports);
  let answer = '';
  for (const { name, kind } of WebAssembly.Module.exports(module)) {
    if (kind !== 'function') continue;
    const func = exports[name];
    try {
      answer += name + '=' + describe(func(...Array(func.length).fill(false))) + ' ';
    } catch (error) {
      if (error instanceof TypeError) return answer + name + '=?';
      answer += name + '=' + trap(error) + ' ';
    }
  }
  return answer;
}

function judge(kind, bytes) {
  if (kind === 'v') return validate(bytes);
  try {
    return kind === 'e' ? executeExports(bytes) : execute(bytes);
  } catch (error) {
    return 'refused: ' + error.message.replaceAll('\n', ' ');
  }
}

let answers = [];
for (;;) {
  const head = read(5);
  if (head === null) break;
  const size = new DataView(head.buffer).getUint32(1, true);
  const kind = String.fromCharCode(head[0]);
  const bytes = read(size);
  if (kind !== 'f') {
    answers.push(judge(kind, bytes));
    continue;
  }
  const text = new TextEncoder().encode(answers.map((answer) => answer + '\n').join(''));
  const total = new Uint8Array(4);
  new DataView(total.buffer).setUint32(0, text.length, true);
  write(total);
  write(text);
  answers = [];
}
