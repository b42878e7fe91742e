// Run a TensorFlow.js model on the rows of a reference (reference.py), in plain JavaScript, and write its output.
//
//   node tfjs_check.mjs MODEL_DIR REFERENCE_DIR OUT.npy
//
// The packages of tfjs/package-lock.json must lie in a node_modules folder beside this file or above it; Node 18 or later.
// agreement.py compares OUT.npy, [N, …] float32, with what the SavedModel answered.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { loadGraphModel } from '@tensorflow/tfjs-converter';

const BATCH = 256;
const TYPES = {
  '<f4': [Float32Array, 'float32'],
  '<f8': [Float64Array, 'float32'],
  '<i4': [Int32Array, 'int32'],
  '<i8': [BigInt64Array, 'int32'],
  '|u1': [Uint8Array, 'int32'],
  '|i1': [Int8Array, 'int32'],
  '|b1': [Uint8Array, 'bool'],
};

/** Reads a NumPy file: its shape, TensorFlow.js type and values. */
function readNpy(path) {
  const file = readFileSync(path);
  const wide = file[6] > 1;
  const start = (wide ? 12 : 10) + (wide ? file.readUInt32LE(8) : file.readUInt16LE(8));
  const header = file.toString('latin1', 10, start);
  const descr = /'descr': '([^']+)'/.exec(header)[1];
  if (!(descr in TYPES)) throw new Error(`${path} has the type ${descr}, which TensorFlow.js does not know`);
  const [Values, type] = TYPES[descr];
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(',').filter((size) => size.trim()).map(Number);
  const bytes = new Uint8Array(file.subarray(start)); // a copy, so that it is aligned
  return { shape, type, values: new Values(bytes.buffer) };
}

/** Writes float32 values as a NumPy file. */
function writeNpy(path, shape, values) {
  const tuple = shape.join(', ') + (shape.length === 1 ? ',' : '');
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${tuple}), }`;
  const header = dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11) + '\n';
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8]);
  writeFileSync(path, Buffer.concat([start, Buffer.from(header, 'latin1'), Buffer.from(values.buffer)]));
}

/** The rows from `begin` to `end` of an array, as a tensor. */
function rows({ shape, type, values }, begin, end) {
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const part = values.slice(begin * width, end * width);
  return tf.tensor(type === 'int32' ? Int32Array.from(part, Number) : Array.from(part), [end - begin, ...shape.slice(1)], type);
}

/** Loads a model from its folder. */
function load(folder) {
  const { modelTopology, weightsManifest, signature } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  const parts = weightsManifest.flatMap((group) => group.paths).map((path) => readFileSync(join(folder, path)));
  const weightData = new Uint8Array(Buffer.concat(parts)).buffer;
  const weightSpecs = weightsManifest.flatMap((group) => group.weights);
  return loadGraphModel({ load: async () => ({ modelTopology, weightSpecs, weightData, signature }) });
}

async function main([modelFolder, referenceFolder, out]) {
  const reference = JSON.parse(readFileSync(join(referenceFolder, 'reference.json'), 'utf8'));
  if (reference.refused) throw new Error(reference.refused);
  await tf.setBackend('cpu');
  const model = await load(modelFolder);
  const { inputs, outputs } = model.modelSignature;
  const arrays = Object.entries(reference.inputs).map(([name, file]) => [inputs[name].name, readNpy(join(referenceFolder, file))]);
  const count = arrays[0][1].shape[0];
  const fixed = Number(inputs[Object.keys(inputs)[0]].tensorShape?.dim?.[0]?.size ?? -1);
  const size = fixed > 0 ? fixed : BATCH;
  const answers = [];
  let shape = [];
  for (let begin = 0; begin < count; begin += size) {
    const end = Math.min(begin + size, count);
    const from = fixed > 0 ? Math.max(0, end - size) : begin; // a model made for one size of batch gets no smaller one
    const feed = Object.fromEntries(arrays.map(([name, array]) => [name, rows(array, from, end)]));
    const answer = await model.executeAsync(feed, outputs[reference.output].name);
    const width = answer.size / (end - from);
    shape = answer.shape.slice(1);
    answers.push(Float32Array.from(answer.dataSync()).slice((begin - from) * width));
    tf.dispose([answer, ...Object.values(feed)]);
  }
  const values = new Float32Array(answers.reduce((total, part) => total + part.length, 0));
  answers.reduce((place, part) => (values.set(part, place), place + part.length), 0);
  writeNpy(out, [count, ...shape], values);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`error: TensorFlow.js cannot run this model: ${error.message}`);
  process.exit(2);
});
