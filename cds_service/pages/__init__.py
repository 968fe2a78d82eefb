"""What a person looks at: read models of the compiled policies, and their templates."""
