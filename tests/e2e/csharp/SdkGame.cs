using System;
using System.Text;
using Aws.GameLift.Realtime;
using Aws.GameLift.Realtime.Command;
using Aws.GameLift.Realtime.Event;
using Aws.GameLift.Realtime.Types;

/// <summary>
/// A game that uses what the Realtime client SDK for C# offers, under its names. Moved to another client, it has another namespace, and calls Poll where it says so.
/// </summary>
public class SdkGame
{
	private const int Ping = 10, Group = 4;

	public Aws.GameLift.Realtime.Client Client { get; private set; }
	public bool IsClosed { get; private set; }

	public SdkGame(string endpoint, int remoteTcpPort, int listenPort, string playerSessionId, byte[] connectionPayload)
	{
		ClientLogger.LogHandler = line => Console.Error.WriteLine(line);
		ClientConfiguration configuration = ClientConfiguration.Default();
		configuration.ConnectionType = ConnectionType.RT_OVER_WS_UDP_UNSECURED;
		Client = new Aws.GameLift.Realtime.Client(configuration);
		Client.ConnectionOpen += new EventHandler(OnOpen);
		Client.ConnectionClose += OnClose;
		Client.ConnectionError += new EventHandler<Aws.GameLift.Realtime.Event.ErrorEventArgs>(OnError);
		Client.DataReceived += new EventHandler<DataReceivedEventArgs>(OnDataReceived);
		Client.GroupMembershipUpdated += new EventHandler<GroupMembershipEventArgs>(OnGroupMembershipUpdated);
		ConnectionStatus status = Client.Connect(endpoint, remoteTcpPort, listenPort, new ConnectionToken(playerSessionId, connectionPayload));
		if (status == ConnectionStatus.DISCONNECTED)
			throw new InvalidOperationException("not connected");
	}

	private void OnOpen(object sender, EventArgs e)
	{
		Console.WriteLine("open");
	}

	private void OnClose(object sender, EventArgs e)
	{
		Console.WriteLine("close");
		IsClosed = true;
	}

	private void OnError(object sender, Aws.GameLift.Realtime.Event.ErrorEventArgs e)
	{
		Console.WriteLine("error " + e.Exception.Message);
	}

	private void OnDataReceived(object sender, DataReceivedEventArgs e)
	{
		Console.WriteLine("data " + e.OpCode + " of " + e.Sender + ": " + Encoding.UTF8.GetString(e.Data));
		Client.LeaveGroup(Group);
		if (Client.Connected)
			Client.Disconnect();
	}

	private void OnGroupMembershipUpdated(object sender, GroupMembershipEventArgs e)
	{
		Console.WriteLine("members " + e.GroupId + ": " + string.Join(",", e.PlayerIds));
		RTMessage message = Client.NewMessage(Ping).WithDeliveryIntent(DeliveryIntent.Fast).WithTargetPlayer(Client.Session.ConnectedPeerId)
			.WithPayload(Encoding.UTF8.GetBytes("ping"));
		Client.SendMessage(message);
	}

	private static void Main(string[] arguments)
	{
		SdkGame game = new SdkGame("127.0.0.1", int.Parse(arguments[0]), 33400, "dev-demo-alice", null);
		bool isReady = false;
		while (!game.IsClosed) {
			// poll game.Client.Poll();
			System.Threading.Thread.Sleep(10);
			if (game.Client.ConnectedAndReady && !isReady) {
				isReady = true;
				Console.WriteLine("ready");
				game.Client.JoinGroup(Group);
				game.Client.SendEvent(11, new byte[] {1, 2, 3});
			}
		}
		// poll Console.WriteLine(game.Client.Status);
	}
}
