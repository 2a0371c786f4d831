//! How pages look: one style sheet, for screens of any width, light and dark, and for paper.

/// The style sheet. Colours have a contrast of at least 4.5 to 1 on their ground (WCAG 2.2, 1.4.3).
pub(super) const CSS: &str = "\
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--dim:#57606a;--line:#d0d7de;--add:#116329;\
--remove:#cf222e;--change:#7d4e00;--replace:#6639ba;--adopt:#0550ae;--panel:#f6f8fa;--good-bg:#dafbe1;\
--bad-bg:#ffebe9;--warn-bg:#fff8c5}\
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--dim:#9da7b1;--line:#30363d;\
--add:#56d364;--remove:#ff7b72;--change:#e3b341;--replace:#d2a8ff;--adopt:#79c0ff;--panel:#161b22;\
--good-bg:#0f2d18;--bad-bg:#3d1214;--warn-bg:#332701}}\
*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);\
max-width:76rem;margin:1.5rem auto;padding:0 1rem;overflow-wrap:anywhere}h1{font-size:1.5rem;margin:.3rem 0}\
h2{font-size:1.25rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line)}h3{font-size:1.05rem;\
margin:1.3rem 0 .4rem}h4{font-size:.95rem;margin:.8rem 0 .3rem}a{color:var(--adopt)}\
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--adopt);outline-offset:2px}\
.skip{position:absolute;left:-100rem}.skip:focus{left:1rem;top:.5rem;background:var(--bg);padding:.4rem}\
.banner{font-size:1.15rem;font-weight:600;padding:.8rem 1rem;border-radius:8px;border-left:8px solid currentColor;\
margin:.5rem 0;background:var(--good-bg)}.banner.bad{background:var(--bad-bg)}.banner.warn{background:var(--warn-bg)}\
.word{text-transform:uppercase;letter-spacing:.05em;font-size:.85em;margin-right:.6em}\
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1rem;padding:0}\
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}.facts dt{color:var(--dim)}\
.facts dd{margin:0}pre{font:13px/1.45 ui-monospace,monospace;margin:0;overflow-x:auto;overflow-wrap:normal}\
code{font:13px/1.45 ui-monospace,monospace}details,.object{border:1px solid var(--line);border-radius:6px;\
margin:.4rem 0;background:var(--panel)}summary,.object{cursor:default;padding:.35rem .7rem;\
font:13px/1.45 ui-monospace,monospace}summary{cursor:pointer}details pre{padding:.2rem .7rem .6rem 1.2rem}\
details>.scroll,details>.inside{margin:.2rem .7rem .7rem}.scroll{overflow-x:auto}\
.scroll:has(.matrix){background:linear-gradient(90deg,var(--bg) 30%,transparent) 0 0/2.5rem 100%,\
linear-gradient(270deg,var(--bg) 30%,transparent) 100% 0/2.5rem 100%,\
linear-gradient(90deg,var(--dim),transparent) 0 0/.5rem 100%,linear-gradient(270deg,var(--dim),transparent) 100% 0/.5rem 100%;\
background-repeat:no-repeat;background-attachment:local,local,scroll,scroll}\
table{border-collapse:collapse;font-size:.92rem}caption{text-align:left;color:var(--dim);padding:.2rem 0}h3+.scroll caption{position:absolute;left:-100rem}\
td,th{border:1px solid var(--line);padding:.3rem .6rem;text-align:left;vertical-align:top;\
overflow-wrap:normal}td:has(>code){overflow-wrap:anywhere;min-width:10.5rem}th[scope=row]{overflow-wrap:anywhere;min-width:7rem}\
th{background:var(--panel)}.matrix th[scope=row]{position:sticky;left:0;min-width:8rem;overflow-wrap:normal}.evidence th[scope=row]{min-width:5.5rem}.dim{color:var(--dim)}.nowrap{white-space:nowrap}.wide{min-width:14rem}\
.add,.good{color:var(--add)}.remove,.bad{color:var(--remove)}.change,.warn{color:var(--change)}\
.replace{color:var(--replace)}.adopt{color:var(--adopt)}.bold,.bad,.warn{font-weight:600}\
td.good a,td.bad a,td.warn a{color:inherit}\
.unit{border:1px solid var(--line);border-radius:8px;padding:.5rem .8rem;margin:.5rem 0}\
.boxes{display:flex;flex-wrap:wrap;gap:.6rem;padding:0;list-style:none;margin:.4rem 0}\
.box{border:2px solid var(--adopt);border-radius:8px;padding:.4rem .7rem;background:var(--panel)}\
.box.emulated{border-style:dashed}.chip{display:inline-block;border-radius:1rem;padding:0 .6rem;\
border:1px solid var(--add);margin:.15rem .2rem 0 0}.flow{display:flex;flex-wrap:wrap;align-items:center;\
gap:.5rem;list-style:none;padding:0}.edge{max-width:13rem}.arrow{font-size:1.3rem}.inside:target,details:target{outline:3px solid var(--adopt)}\
@media(min-width:900px){td:has(>code){min-width:13rem;overflow-wrap:break-word}}\
@media(max-width:600px){body{font-size:15px;padding:0 .6rem}.flow{flex-direction:column;align-items:flex-start}.edge{max-width:none}\
.facts{grid-template-columns:1fr}.facts dt{margin-top:.4rem}\
pre{white-space:pre-wrap;overflow-wrap:anywhere}\
.records,.records caption,.records tbody,.records tr,.records td,.records th[scope=row]{display:block;min-width:0;border:0;padding:.1rem 0;overflow-wrap:anywhere}\
.records thead{position:absolute;left:-100rem}.records tr{border:1px solid var(--line);border-radius:6px;margin:.4rem 0;padding:.4rem .6rem}\
.records th[scope=row]{background:none}.records td:empty{display:none}.records td::before{content:attr(data-label) \" \";color:var(--dim);font-weight:400}\
.evidence td:has(>code){min-width:0}\
.matrix{font-size:.8rem}.matrix td,.matrix th{padding:.25rem .3rem}.matrix th[scope=row]{min-width:0}}\
@media print{h2,h3,h4,summary,caption,thead{break-after:avoid}.scroll:has(.matrix){break-inside:avoid}:root{--fg:#000;--bg:#fff;--panel:#fff;--dim:#333;--line:#999;--add:#0b4a1d;--remove:#8b0000;--change:#5a3800}\
body{max-width:none;margin:0;font-size:11pt}nav,.skip{display:none}.scroll,pre{overflow:visible;white-space:pre-wrap}.scroll:has(.matrix){background:none}\
details::details-content{content-visibility:visible;display:block}section{break-inside:auto}tr,.unit,.box{break-inside:avoid}\
.banner{border:2px solid #000}}";
