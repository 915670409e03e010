// Package formats reads what other programs have recorded, and writes what
// they read.
//
// Each format is a package below this one that makes a [Format]: how to tell
// its documents, how to read them, how to write them. There is no registry;
// whoever imports says which formats there are:
//
//	for report, err := range formats.Import(ctx, paths, formats.Options{
//		Formats: []formats.Format{sweagent.Format(), atif.Format()},
//		To:      sink,
//	}) { … }
//
// An importer reads a document of any size through [document.Node], one
// element at a time, and hands events over to a [Sink]. It never holds a
// trajectory as a whole. It does not name trajectories either: it says which
// task and which attempt they are of, and [Import] finds an id that is free.
//
// Nothing of a source is dropped in silence. What the event log has a field
// for goes there; what it has none for goes beside it, into an
// [trajectories.Origin], from which an exporter of the same format takes it
// again; what is neither a turn nor an answer becomes a message. [Count] says
// what counts as an action and as an observation, in all formats alike.
package formats
