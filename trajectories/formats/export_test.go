package formats

// NewCounter returns a counter in front of a sink.
func NewCounter(to Sink) *counter { return &counter{to: to} }
