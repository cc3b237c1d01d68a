using System;
using System.IO;
using System.Net.Sockets;
using System.Security.Authentication;
using Ringcast.Realtime.Event;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Link
{
	/// <summary>A core and its sockets, from the lookup of the name to the close. Works in Poll only.</summary>
	internal sealed class Connection : ICoreOutput, IDisposable
	{
		/// <summary>For the last frames to reach the system.</summary>
		private const int LingerMs = 1000;

		private static readonly byte[] empty = new byte[0];

		private readonly ClientConfiguration configuration;
		private readonly string host;
		private readonly int port, localPort;
		private readonly SendQueue queue;
		private readonly Resume resume; /* null: not asked for */
		private ILinkOwner owner;
		private Dialer dialer;
		private ByteStream stream;
		private UdpPort udp;
		private bool isRequested, isBroken, hasToldClose;
		/// <summary>isDropped: the next try is waited for. isAway: and since then, until there is a connection again.</summary>
		private bool isDropped, isAway;
		private long lingerDueUs;
		private ConnectionCloseEventArgs ending;
		private ClientException failure;

		public Core Core { get; private set; }

		public int QueuedBytes
		{
			get { return queue.Count; }
		}

		/// <summary>stream: one that is there already; null: one is dialled.</summary>
		public Connection(ClientConfiguration configuration, ILinkOwner owner, string host, int port, int localPort, ConnectionToken token, long now, ByteStream stream = null)
		{
			this.configuration = configuration;
			this.owner = owner;
			this.host = host;
			this.port = port;
			this.localPort = localPort;
			this.stream = stream;
			queue = new SendQueue(configuration.SendQueueBytesMax);
			resume = configuration.MayResume ? new Resume(configuration.KeptBytesMax) : null;
			Core = new Core(configuration, this, resume);
			Core.Begin(token, now);
		}

		/// <summary>No more is told, whatever comes.</summary>
		public void Dispose()
		{
			owner = null;
			CloseSockets();
		}

		public void Poll(long now)
		{
			if (hasToldClose)
				return;
			if (ending == null && isDropped)
				TickDropped(now);
			if (ending == null && !isDropped && Advance(now))
				Move(now);
			Core.Tick(now);
			Core.FastPath.Flush();
			Flush(now);
			if (ending != null && HasLeft(now))
				TellClose();
		}

		/// <summary>Of a connection that broke nothing is left but what Resume has.</summary>
		private void TickDropped(long now)
		{
			CloseSockets();
			stream = null;
			dialer = null;
			queue.Clear();
			isRequested = isBroken = false;
			failure = null;
			if (now >= resume.WindowEndUs) {
				Core.GiveUp(CloseCode.Abnormal, "the connection could not be made again in time", true);
			} else if (now >= resume.DueUs) {
				isDropped = false;
				Core = new Core(configuration, this, resume, Core);
				Core.BeginAgain(now);
			}
		}

		public long ResumeCount
		{
			get { return resume != null ? resume.ResumeCount : 0; }
		}

		public long GapCount
		{
			get { return resume != null ? resume.GapCount : 0; }
		}

		public long ResentCount
		{
			get { return resume != null ? resume.ResentCount : 0; }
		}

		public void ResetStats()
		{
			Core.Fast.Reset();
			Core.Reliable.Reset();
			Core.FallbackCount = 0;
			if (resume != null)
				resume.ResetCounts();
		}

		/// <summary>True: the stream is there. Here, in ReadSome, in Flush and in HasLeft nothing of the game's runs, so what is caught is the network's.</summary>
		private bool Advance(long now)
		{
			try {
				if (stream == null)
					Dial(now);
				return stream != null && stream.IsReady();
			} catch (Exception exception) when (IsOfNetwork(exception)) {
				Break(exception, now);
				return false;
			}
		}

		private static bool IsOfNetwork(Exception exception)
		{
			return exception is SocketException || exception is IOException || exception is AuthenticationException || exception is ClientException ||
			       exception is InvalidOperationException; /* ObjectDisposedException is one of those */
		}

		private void Dial(long now)
		{
			if (dialer == null)
				dialer = new Dialer(host, port, configuration.ConnectTimeoutMs);
			Socket socket = dialer.Advance(now);
			if (socket == null)
				return;
			string serverName = configuration.ServerName ?? host;
			stream = configuration.IsSecure ? new SecureStream(socket, serverName, configuration.CertificateCheck) : (ByteStream)new PlainStream(socket);
		}

		private void Move(long now)
		{
			if (!isRequested) {
				isRequested = true;
				Core.RequestUpgrade(host, port);
				Flush(now);
			}
			Core.TakeStream(0, now); /* what lay behind a message whose handler threw */
			ReadStream(now);
			ReadDatagrams(now);
		}

		private void ReadStream(long now)
		{
			for (int budget = configuration.ReceiveBytesPerPoll; budget > 0 && Core.Phase != Phase.Closed; ) {
				int read = ReadSome(budget, now);
				if (read <= 0)
					return;
				budget -= read;
				Core.TakeStream(read, now);
			}
		}

		private int ReadSome(int most, long now)
		{
			ArraySegment<byte> room = Core.Room();
			int read;
			try {
				read = stream.Read(room.Array, room.Offset, Math.Min(room.Count, most));
			} catch (Exception exception) when (IsOfNetwork(exception)) {
				Break(exception, now);
				return 0;
			}
			if (read == 0)
				Core.EndStream("the server ended the connection", now);
			return read;
		}

		private void ReadDatagrams(long now)
		{
			Core.TakeDatagramRest(now); /* what lay behind a message whose handler threw */
			for (int i = 0; i < configuration.DatagramsPerPoll && udp != null && Core.Phase == Phase.Open; i++) {
				byte[] bytes;
				int count = udp.Receive(out bytes);
				if (count < 0)
					return;
				Core.TakeDatagram(bytes, count, now);
			}
		}

		private void Break(Exception exception, long now)
		{
			isBroken = true;
			if (Core.Phase < Phase.Closing)
				failure = new ClientException("the connection failed: " + exception.Message, exception);
			Core.EndStream("the connection failed: " + exception.Message, now);
		}

		/// <summary>Gives the system what it takes now.</summary>
		public void Flush(long now)
		{
			if (stream == null || queue.Count == 0 || isBroken || isDropped)
				return;
			try {
				if (stream.IsReady())
					queue.Flush(stream);
			} catch (Exception exception) when (IsOfNetwork(exception)) {
				Break(exception, now);
			}
		}

		/// <summary>The last frames, such as the answer to a close, are with the system, or had their time.</summary>
		private bool HasLeft(long now)
		{
			if (lingerDueUs == 0)
				lingerDueUs = now + Core.UsPerMs * LingerMs;
			try {
				return stream == null || isBroken || now >= lingerDueUs || (queue.Count == 0 && stream.IsIdle());
			} catch (Exception exception) when (IsOfNetwork(exception)) {
				isBroken = true;
				return true;
			}
		}

		/// <summary>Waits for nothing any more, and tells the end unless it is told.</summary>
		public void End(long now)
		{
			Core.EndStream("closed; another connection takes its place", now);
			TellClose();
		}

		private void TellClose()
		{
			if (hasToldClose)
				return;
			hasToldClose = true;
			CloseSockets();
			if (owner != null)
				owner.LinkClosed(ending, failure);
		}

		private void CloseSockets()
		{
			if (dialer != null)
				dialer.Dispose();
			if (stream != null)
				stream.Dispose();
			if (udp != null)
				udp.Dispose();
			udp = null;
		}

		bool ICoreOutput.SendStream(byte[] bytes, int start, int count, bool isControl)
		{
			return queue.TryAdd(bytes, start, count, isControl);
		}

		bool ICoreOutput.SendDatagram(byte[] bytes, int count)
		{
			return udp != null && udp.Send(bytes, count);
		}

		bool ICoreOutput.OpenFast(int fastPort)
		{
			if (configuration.IsSecure) {
				RefuseFast("the server offers DTLS, which .NET does not have: messages go by the WebSocket");
				return false;
			}
			try {
				udp = new UdpPort(dialer.Address, fastPort, localPort);
				return true;
			} catch (SocketException exception) {
				RefuseFast("no UDP socket: " + exception.Message);
				return false;
			}
		}

		private void RefuseFast(string reason)
		{
			if (owner != null)
				owner.LinkFastRefused(reason);
			ClientLogger.Say(reason);
		}

		void ICoreOutput.Opened()
		{
			if (owner != null && !isAway)
				owner.LinkOpened();
		}

		void ICoreOutput.LoggedIn(int peerId)
		{
			if (owner != null)
				owner.LinkLoggedIn(peerId);
		}

		void ICoreOutput.LoginRefused()
		{
			ClientLogger.Say("the server refuses the login");
		}

		void ICoreOutput.FastUp()
		{
			if (owner != null)
				owner.LinkFastChanged(true);
		}

		void ICoreOutput.FastFailed(string reason)
		{
			ClientLogger.Say(reason);
			if (owner != null)
				owner.LinkFastChanged(false);
		}

		void ICoreOutput.MessageCame(ref Packet packet, bool isFast)
		{
			if (owner != null)
				owner.LinkMessage(new DataReceivedEventArgs(packet.Sender, packet.OpCode, packet.Payload ?? empty, packet.TargetPlayer, packet.TargetGroup, isFast));
		}

		void ICoreOutput.MembershipCame(ref Packet packet)
		{
			if (owner != null)
				owner.LinkMembership(new GroupMembershipEventArgs(packet.Sender, packet.Group, packet.Players));
		}

		void ICoreOutput.Dropped(string reason)
		{
			bool isFirst = !isAway;
			isDropped = isAway = true;
			if (isFirst && owner != null)
				owner.LinkDropped(new DroppedEventArgs(reason));
		}

		void ICoreOutput.Resumed(long lost)
		{
			isAway = false;
			if (owner != null)
				owner.LinkResumed(new ResumedEventArgs(lost));
		}

		/// <summary>The close frame may still wait in the queue: Poll flushes that, then tells.</summary>
		void ICoreOutput.Closed(int code, string reason, bool isError)
		{
			ending = new ConnectionCloseEventArgs(code, reason);
			if (isError && failure == null)
				failure = new ClientException(reason);
		}
	}
}
