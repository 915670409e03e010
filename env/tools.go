package env

// DefaultTools returns the tools that policies are offered unless they ask for
// others: bash, str_replace_editor, search and submit.
func DefaultTools() []Tool {
	return []Tool{bashTool(), editorTool(), searchTool(), submitTool()}
}
