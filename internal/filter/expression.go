package filter

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Limits of an expression. Together with what may be written (no loops, no calls, no arithmetic) they bound what one costs: so many passes over a text.
const (
	maxExpression = 2000 // characters
	maxNodes      = 300
	maxScans      = 40
)

// facts are what expressions read.
type facts struct {
	Text        string `expr:"text"`
	Plain       string `expr:"plain"`
	Sender      string `expr:"sender"`
	Name        string `expr:"name"`
	Inbox       string `expr:"inbox"`
	Kind        string `expr:"kind"`
	Length      int    `expr:"length"`
	Attachments int    `expr:"attachments"`
}

// Names lists what expressions may name.
func Names() []string {
	return []string{"text", "plain", "length", "sender", "name", "inbox", "kind", "attachments"}
}

// expression is a compiled expression.
type expression struct {
	program *vm.Program
	plain   bool // it reads the plain form
}

var machines = sync.Pool{New: func() any { return &vm.VM{} }}

// holds says whether the expression is true. One that the compiler let through does not fail, as a fuzz test shows; if one did, it would not be true.
func (x *expression) holds(f *facts) bool {
	value, err := x.value(f)
	truth, ok := value.(bool)
	return err == nil && ok && truth
}

func (x *expression) value(f *facts) (any, error) {
	m := machines.Get().(*vm.VM) // nothing else is in the pool
	defer machines.Put(m)
	return m.Run(x.program, f)
}

// CheckExpression says why an expression is not taken; nil if it is.
func CheckExpression(source string) error {
	_, err := compileExpression(source)
	return err
}

func compileExpression(source string) (*expression, error) {
	if n := utf8.RuneCountInString(source); n > maxExpression {
		return nil, fault(fmt.Sprintf("an expression has at most %d characters", maxExpression), fmt.Sprintf("表达式最多 %d 个字符", maxExpression))
	}
	tree, err := parser.Parse(source)
	if err != nil {
		return nil, notCompiled(err)
	}
	c := &checker{}
	if ast.Walk(&tree.Node, c); c.err != nil {
		return nil, c.err
	}
	if c.nodes > maxNodes || c.scans > maxScans {
		return nil, fault(
			fmt.Sprintf("this costs too much: %d parts with %d passes over a text, at most %d with %d", c.nodes, c.scans, maxNodes, maxScans),
			fmt.Sprintf("计算量过大：%d 个部分、%d 次扫描文本，上限为 %d 和 %d", c.nodes, c.scans, maxNodes, maxScans))
	}
	program, err := expr.Compile(source, expr.Env(facts{}), expr.AsBool(), expr.WarnOnAny(), expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes))
	if err != nil {
		return nil, notCompiled(err)
	}
	return &expression{program, c.plain}, nil
}

func notCompiled(err error) error {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return fault("this expression does not compile: "+first, "表达式无法编译："+first)
}

// checker walks over an expression, counts what it costs and finds what may not be written.
type checker struct {
	nodes, scans int
	plain        bool
	err          error
}

// Operators that may be written. Those of the second list go over a text.
var (
	comparing = []string{"==", "!=", "<", "<=", ">", ">=", "and", "&&", "or", "||", "in"}
	scanning  = []string{"contains", "startsWith", "endsWith", "matches"}
)

// Visit implements ast.Visitor.
func (c *checker) Visit(node *ast.Node) {
	c.nodes++
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		c.plain = c.plain || n.Value == "plain"
	case *ast.StringNode, *ast.IntegerNode, *ast.BoolNode, *ast.ConditionalNode:
	case *ast.UnaryNode:
		c.allow(n.Operator, "not", "!", "-")
	case *ast.BinaryNode:
		c.binary(n)
	case *ast.ArrayNode:
		for _, item := range n.Nodes {
			if !constant(item) {
				c.refuse("a list has texts and numbers only", "列表里只能写文字和数字")
			}
		}
	default:
		c.refuse("only comparisons of "+strings.Join(Names(), ", ")+" can be written, joined by and, or, not: no calls, loops or variables",
			"只能写对 "+strings.Join(Names(), "、")+" 的比较，用 and、or、not 连接，不能写函数调用、循环或变量")
	}
}

func constant(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode:
		return true
	}
	return false
}

func (c *checker) binary(n *ast.BinaryNode) {
	if !slices.Contains(scanning, n.Operator) {
		c.allow(n.Operator, comparing...)
		if _, list := n.Right.(*ast.ArrayNode); n.Operator == "in" && !list {
			c.refuse("after in comes a list in brackets", "in 之后应为方括号列表")
		}
		return
	}
	c.scans++
	if _, text := n.Right.(*ast.StringNode); !text {
		c.refuse(n.Operator+" needs a text in quotes after it", n.Operator+" 之后应为引号里的文字")
	}
}

func (c *checker) allow(operator string, allowed ...string) {
	if !slices.Contains(allowed, operator) {
		c.refuse(fmt.Sprintf("the operator %q cannot be used here", operator), fmt.Sprintf("这里不能使用运算符“%s”", operator))
	}
}

func (c *checker) refuse(en, zh string) {
	if c.err == nil {
		c.err = fault(en, zh)
	}
}
